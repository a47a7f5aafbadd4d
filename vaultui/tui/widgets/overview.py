"""The Overview pane: where a vault is, when it locks, what goes on in it, what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rich.cells import cell_len
from textual import events, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.ids import VaultId
from vaultui.model.language import _
from vaultui.model.states import VaultState
from vaultui.tui.history import SAMPLES
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import clip, clip_path, clock, place, shown, size, span
from vaultui.vaults import (
    ExitState,
    VaultStatus,
    VolumeInfo,
    content_in_words,
    derivation_in_words,
    kind_in_words,
    names_in_words,
    slots_of,
)

_LABEL_CELLS = 13
_OPEN_FILES_SHOWN = 5

_TROUBLED = frozenset({VaultState.BROKEN, VaultState.HUNG, VaultState.MISSING})

Line = Content


class Overview(Pane):
    """Facts as lines of a label and a value, redrawn whole: cheap, and always aligned."""

    def __init__(self) -> None:
        super().__init__(id="overview-pane")
        self._infos: dict[VaultId, VolumeInfo | VaultuiError] = {}
        self._asked: tuple[VaultId, VaultState, int] | None = None
        self._read_at: dict[VaultId, int] = {}
        """How often keys had been changed when the volume config of a vault was read."""
        self._drawn: tuple[Line, ...] = ()

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield Static(id="trouble", markup=False)
            yield Static(id="facts", markup=False)

    def state_changed(self) -> None:
        if self.status is not None:
            self._ask_for_info(self.status)
        facts = self.query_one("#facts", Static)
        width = facts.content_size.width or self.content_size.width - 2
        if width <= 0:
            return
        if self.status is None:
            return
        trouble = self.query_one("#trouble", Static)
        trouble.display = self.status.state in _TROUBLED
        if trouble.display:
            trouble.update(Content("\n").join(self._trouble(self.status, width)))
        lines = tuple(self._lines(self.status, width))
        if lines != self._drawn:
            # Laying the screen out anew costs more than all of the rest of it.
            facts.update(Content("\n").join(lines), layout=len(lines) != len(self._drawn))
            self._drawn = lines

    def on_resize(self, _event: events.Resize) -> None:
        self.call_after_refresh(self.state_changed)

    def _ask_for_info(self, status: VaultStatus) -> None:
        """Have the volume config read once, and again when its keys have changed.

        Once more too when the state changes after a failure: a drive that was missing may
        come back.
        """
        changes = self.vaultui.live.key_changes
        question = (status.entry.id, status.state, changes)
        known = self._read_at.get(status.entry.id) == changes
        if not known and question != self._asked:
            self._asked = question
            self._read_info(status)

    @work(group="info", exclusive=True)
    async def _read_info(self, status: VaultStatus) -> None:
        changes = self.vaultui.live.key_changes
        try:
            self._infos[status.entry.id] = await self.vaultui.vaults.info(status.entry.name)
            self._read_at[status.entry.id] = changes
        except VaultuiError as error:
            self._infos[status.entry.id] = error
        self.state_changed()

    def _lines(self, status: VaultStatus, width: int) -> Iterator[Line]:
        ellipsis = self.vaultui.glyphs.ellipsis
        room = width - _LABEL_CELLS
        mounted = status.mounted
        where = clip_path(place(status.mountpoint or status.entry.mountpoint), room - 5, ellipsis)
        if mounted:
            mode = "ro" if status.read_only else "rw"
            yield _fact(
                _("Mounted at"), Content.assemble((where, "bold"), (f" ({mode})", "$muted"))
            )
        else:
            yield _fact(_("Opens at"), Content.assemble(where))
        view = _("  shown encrypted") if status.entry.reverse else ""
        folder = clip_path(place(status.entry.cipherdir), room - len(view), ellipsis)
        label = _("Plain dir") if status.entry.reverse else _("Cipher dir")
        yield _fact(label, Content.assemble(folder, (view, "$muted")))
        yield from self._volume(status, room)
        if mounted and status.opened_at is not None:
            yield _fact(_("Open since"), self._since(status, room))
        yield Content("")
        yield from self._idle(status, room)
        if status.detail is not None:
            yield Content("")
            yield from self._traffic(status, width)
            yield Content("")
            yield from self._files(status, room)
        elif status.exit is not None:
            yield _fact(_("Backend"), clip(_exit_text(status.exit), room, ellipsis))

    def _trouble(self, status: VaultStatus, width: int) -> Iterator[Line]:
        """Say what is wrong and what mends it, with what is known about the end."""
        colour = "$warning" if status.state is VaultState.MISSING else "$error"
        yield Content.assemble((shown(status.explanation), colour))
        cure = {
            VaultState.BROKEN: _("R repairs it: the dead mount is detached. Then unlock again."),
            VaultState.HUNG: _("It does not answer. l offers to end what holds it."),
        }.get(status.state, _("Connect the drive or the synchronised folder; R looks again."))
        yield Content.assemble((cure, "$accent"))
        for line in status.log_lines[-4:]:
            yield Content.assemble(("  " + clip(shown(line), width - 2), "$muted"))

    def _volume(self, status: VaultStatus, room: int) -> Iterator[Line]:
        info = self._infos.get(status.entry.id)
        if isinstance(info, VolumeInfo):
            ellipsis = self.vaultui.glyphs.ellipsis
            yield _fact(_("Content"), clip(shown(content_in_words(info)), room, ellipsis))
            yield _fact(_("Names"), clip(shown(names_in_words(info)), room, ellipsis))
            yield self._keys(info, room)
        elif info is not None and status.state is not VaultState.MISSING:
            yield _fact(_("Volume"), Content.assemble((shown(info.summary), "$error")))
        else:
            yield _fact(_("Volume"), Content.assemble((self.vaultui.glyphs.none, "$muted")))

    def _keys(self, info: VolumeInfo, room: int) -> Line:
        slots = slots_of(info)
        if len(slots) > 1:
            return _fact(
                _("Keys"), Content.assemble(f"{len(slots)} ", (_(" K lists them"), "$muted"))
            )
        (slot,) = slots
        derivation = shown(derivation_in_words(slot.key_derivation))
        text = f"{shown(kind_in_words(slot.kind))} {self.vaultui.glyphs.dot} {derivation}"
        # A key alone is nearly always a password; what it costs to guess it is worth more.
        short = text if cell_len(text) <= room else derivation
        return _fact(_("Key"), clip(short, room, self.vaultui.glyphs.ellipsis))

    def _since(self, status: VaultStatus, room: int) -> Content:
        opened = time.localtime(status.opened_at)
        same_day = opened[:3] == time.localtime(self.vaultui.wall_clock())[:3]
        text = time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", opened)
        keeper = (
            _("  keeper {keeper_pid}", keeper_pid=status.keeper_pid)
            if status.keeper_alive
            else _("  its keeper is gone")
        )
        extra = _("  pid {backend_pid}{keeper}", backend_pid=status.backend_pid, keeper=keeper)
        return Content.assemble(text, (extra if len(text + extra) <= room else "", "$muted"))

    def _idle(self, status: VaultStatus, room: int) -> Iterator[Line]:
        timeout = status.idle_timeout_s
        if status.state is VaultState.BUSY and status.explanation:
            yield _fact(_("In use"), Content.assemble((shown(status.explanation), "$warning")))
        if not timeout:
            yield _fact(_("Idle lock"), Content.assemble(("never", "$muted")))
            return
        limit = _("{timeout} without use", timeout=span(timeout))
        if status.state is VaultState.BUSY:
            yield _fact(_("Idle lock"), Content.assemble((_("due, but held"), "$warning")))
        elif not status.mounted:
            yield _fact(_("Idle lock"), _("after {limit}", limit=limit))
        elif status.idle_paused:
            yield _fact(
                _("Idle lock"),
                Content.assemble(("paused", "$accent"), (_("  z resumes"), "$muted")),
            )
        elif status.idle_left_s is None:
            yield _fact(_("Idle lock"), _("{limit}; open files keep it open", limit=limit))
        else:
            cells = max(8, min(28, room - 20))
            full, empty = self.vaultui.glyphs.bar(status.idle_left_s / timeout, cells)
            colour = "$warning" if status.idle_left_s <= 60 else "$primary"
            yield _fact(_("Idle lock"), Content.assemble(
                (full, colour), (empty, "$muted"), "  ", (clock(status.idle_left_s), "bold"),
                (_(" of {timeout}", timeout=clock(timeout)), "$muted"),
            ))  # fmt: skip
            yield _fact("", Content.assemble((_("e extends   z pauses"), "$muted")))

    def _traffic(self, status: VaultStatus, width: int) -> Iterator[Line]:
        history = self.vaultui.live.history(status.entry.id)
        totals = width >= 64
        cells = max(8, min(SAMPLES, width - _LABEL_CELLS - (31 if totals else 13)))
        for label, rates, total in (
            (_("Read"), history.read, status.bytes_read),
            (_("Write"), history.written, status.bytes_written),
        ):
            rate = f"{size(rates[-1] if rates else 0)}/s"
            line = self.vaultui.glyphs.sparkline(rates, cells)
            in_all = _("  {total:>9} in all", total=size(total)) if totals else ""
            yield _fact(
                label,
                Content.assemble((line, "$secondary"), f"  {rate:>11}", (in_all, "$muted")),
            )
        if status.rss_bytes:
            yield _fact(_("Memory"), size(status.rss_bytes))

    def _files(self, status: VaultStatus, room: int) -> Iterator[Line]:
        detail = status.detail
        assert detail is not None
        words = _("last activity") if room >= 36 else "used"
        last = Content.assemble(
            (
                _(
                    "{words} {last_activity_s} ago",
                    words=words,
                    last_activity_s=span(detail.last_activity_s),
                ),
                "$muted",
            )
        )
        count = Content.assemble((f"{detail.open_file_count:<4}", "bold"))
        yield _fact(_("Open files"), count + last)
        for file in detail.open_files[:_OPEN_FILES_SHOWN]:
            who = ", ".join(f"{shown(opener.command)} {opener.pid}" for opener in file.openers[:2])
            mode = "w" if file.writable else "r"
            cells = room - 2 - (cell_len(who) + 2 if who else 0)
            path = clip_path(shown(file.path), cells, self.vaultui.glyphs.ellipsis)
            yield _fact("", Content.assemble((f"{mode} ", "$accent"), path, (f"  {who}", "$muted")))
        more = detail.open_file_count - len(detail.open_files[:_OPEN_FILES_SHOWN])
        if more > 0:
            yield _fact("", Content.assemble((_("and {more} more", more=more), "$muted")))


def _fact(label: str, value: Content | str) -> Line:
    text = value if isinstance(value, Content) else Content(value)
    return Content.assemble((label.ljust(_LABEL_CELLS), "$muted")) + text


def _exit_text(exit_state: ExitState) -> str:
    """Return how a backend ended, in words."""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(exit_state.ended_at))
    if exit_state.oom_killed:
        how = _("killed because memory ran out")
    elif exit_state.signal is not None:
        how = _("ended by signal {signal}", signal=exit_state.signal)
    elif exit_state.exit_code:
        how = _("exit code {exit_code}", exit_code=exit_state.exit_code)
    else:
        how = "locked"
    return f"{how}, {when}"
