"""The Overview pane: where a vault is, when it locks, what goes on in it, what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual import events, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.ids import VaultId
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.tui.actions import BY_ID
from vaultui.tui.history import SAMPLES
from vaultui.tui.widgets.facts import LABEL_CELLS, Line, buttons, fact
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import clip, clip_path, clock, place, shown, size, span
from vaultui.vaults import ExitState, GuardState, Status, VaultStatus

if TYPE_CHECKING:
    from vaultui.vaults import VolumeInfo

GUARDS: Final = {"sleep": N_("sleep"), "screen": N_("screen"), "logout": N_("logout")}
"""What locks a vault by itself, beside the idle lock, in the words of both guards and settings."""
_OPEN_FILES_SHOWN = 5

_TROUBLED = frozenset({VaultState.BROKEN, VaultState.HUNG, VaultState.MISSING})


class Overview(Pane):
    """Facts as lines of a label and a value, redrawn whole: cheap, and always aligned."""

    KEYS = (("j k g G", N_("move through it, where it is longer than the pane")),)

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
            self._infos[status.entry.id] = await self.vaultui.vaults.volume.info(status.entry.name)
            self._read_at[status.entry.id] = changes
        except VaultuiError as error:
            self._infos[status.entry.id] = error
        self.state_changed()

    def _lines(self, status: VaultStatus, width: int) -> Iterator[Line]:
        ellipsis = self.vaultui.glyphs.ellipsis
        room = width - LABEL_CELLS
        mounted = status.mounted
        where = clip_path(place(status.mountpoint or status.entry.mountpoint), room - 5, ellipsis)
        if mounted:
            mode = "ro" if status.read_only else "rw"
            yield fact(_("Mounted at"), Content.assemble((where, "bold"), (f" ({mode})", "$muted")))
        else:
            yield fact(_("Opens at"), Content.assemble(where))
        view = _("  shown encrypted") if status.entry.reverse else ""
        folder = clip_path(place(status.entry.cipherdir), room - len(view), ellipsis)
        label = _("Plain dir") if status.entry.reverse else _("Cipher dir")
        yield fact(label, Content.assemble(folder, (view, "$muted")))
        yield from self._volume(status, room)
        if mounted and status.opened_at is not None:
            yield fact(_("Open since"), self._since(status, room))
        yield Content("")
        yield from self._idle(status, room)
        yield from self._guards(status, room)
        if status.detail is not None:
            yield from self._tasks(status.detail, room)
            yield Content("")
            yield from self._traffic(status, width)
            yield Content("")
            yield from self._files(status, room)
        elif status.exit is not None:
            yield fact(_("Backend"), clip(_exit_text(status.exit), room, ellipsis))

    def _trouble(self, status: VaultStatus, width: int) -> Iterator[Line]:
        """Say what is wrong and what mends it, with what is known about the end."""
        colour = "$warning" if status.state is VaultState.MISSING else "$error"
        yield Content.assemble((shown(_(status.explanation)), colour))
        cure = {
            VaultState.BROKEN: _("R repairs it: the dead mount is detached. Then unlock again."),
            VaultState.HUNG: _("It does not answer. l offers to end what holds it."),
        }.get(status.state, _("Connect the drive or the synchronised folder; R looks again."))
        yield Content.assemble((cure, "$accent"))
        for line in status.log_lines[-4:]:
            yield Content.assemble(("  " + clip(shown(line), width - 2), "$muted"))

    def _volume(self, status: VaultStatus, room: int) -> Iterator[Line]:
        info = self._infos.get(status.entry.id)
        if info is None or status.state is VaultState.MISSING:
            yield fact(_("Volume"), Content.assemble((self.vaultui.glyphs.none, "$muted")))
        elif isinstance(info, VaultuiError):
            yield fact(_("Volume"), Content.assemble((shown(info.summary), "$error")))
        else:
            from vaultui.tui.widgets.volumefacts import volume_facts

            yield from volume_facts(info, self.vaultui.glyphs, room)

    def _since(self, status: VaultStatus, room: int) -> Content:
        text = self._moment(status.opened_at or 0)
        keeper = (
            _("  keeper {keeper_pid}", keeper_pid=status.keeper_pid)
            if status.keeper_alive
            else _("  its keeper is gone")
        )
        extra = _("  pid {backend_pid}{keeper}", backend_pid=status.backend_pid, keeper=keeper)
        return Content.assemble(text, (extra if len(text + extra) <= room else "", "$muted"))

    def _moment(self, seconds: float) -> str:
        """Return a time of the epoch as the clock has it here, with the day of another one."""
        moment = time.localtime(seconds)
        same_day = moment[:3] == time.localtime(self.vaultui.wall_clock())[:3]
        return time.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M", moment)

    def _idle(self, status: VaultStatus, room: int) -> Iterator[Line]:
        timeout = status.idle_timeout_s
        if status.state is VaultState.BUSY and status.explanation:
            yield fact(_("In use"), Content.assemble((shown(_(status.explanation)), "$warning")))
        if not timeout:
            yield fact(_("Idle lock"), Content.assemble((_("never"), "$muted")))
            return
        limit = _("{timeout} without use", timeout=span(timeout))
        if status.state is VaultState.BUSY:
            yield fact(_("Idle lock"), Content.assemble((_("due, but held"), "$warning")))
        elif not status.mounted:
            yield fact(_("Idle lock"), _("after {limit}", limit=limit))
        elif status.idle_paused:
            yield fact(
                _("Idle lock"),
                Content.assemble((_("paused"), "$accent"), "   ", self._pause(_("resumes"))),
            )
        elif status.idle_left_s is None:
            yield fact(_("Idle lock"), _("{limit}; open files keep it open", limit=limit))
        else:
            cells = max(8, min(28, room - 20))
            full, empty = self.vaultui.glyphs.bar(status.idle_left_s / timeout, cells)
            colour = "$warning" if status.idle_left_s <= 60 else "$primary"
            yield fact(_("Idle lock"), Content.assemble(
                (full, colour), (empty, "$muted"), "  ", (clock(status.idle_left_s), "bold"),
                (_(" of {timeout}", timeout=clock(timeout)), "$muted"),
            ))  # fmt: skip
            extend = (self._key_of("vault.extend"), _("+15 min"), "vault.extend")
            yield fact("", buttons([extend]) + "   " + self._pause(_("pauses")))

    def _pause(self, word: str) -> Content:
        return buttons([(self._key_of("vault.pause"), word, "vault.pause")])

    def _key_of(self, action: str) -> str:
        return self.vaultui.key_of(BY_ID[action])

    def _guards(self, status: VaultStatus, room: int) -> Iterator[Line]:
        """Say what else locks an open vault, and which guards that were asked for are not there."""
        detail = status.detail
        guards = [guard for guard in (detail.autolock if detail else ()) if guard.name in GUARDS]
        if detail is not None and detail.waits_to_lock:
            waiting = _("as soon as nobody uses it"), "$warning"
            yield fact(_("Locks"), Content.assemble(waiting))
        asked = [guard for guard in guards if guard.state is not GuardState.OFF]
        glyphs = self.vaultui.glyphs
        if asked:
            marks = (
                Content.assemble(f"{_(GUARDS[guard.name])} ", (glyphs.yes, "$success"))
                if guard.state is GuardState.ACTIVE
                else Content.assemble(f"{_(GUARDS[guard.name])} ", (glyphs.no, "$error"))
                for guard in asked
            )
            yield fact(_("Locks on"), Content("  ").join(marks))
        if any(guard.state is GuardState.MISSING for guard in asked):
            hint = clip(_("`vaultui doctor` says what is missing."), room, glyphs.ellipsis)
            yield fact("", Content.assemble((hint, "$warning")))

    def _tasks(self, detail: Status, room: int) -> Iterator[Line]:
        """Name whom the vault is kept open for, and say whether it locks after them."""
        if detail.holds:
            titles = ", ".join(dict.fromkeys(shown(hold.title) for hold in detail.holds))
            yield fact(_("Tasks"), clip(titles, room, self.vaultui.glyphs.ellipsis))
        if detail.temporary:
            until = _("when the last task has ended; u keeps it open"), "$accent"
            yield fact(_("Locks"), Content.assemble(until))
        if detail.closes_at:
            at = self._moment(detail.closes_at)
            yield fact(
                _("Locks"),
                Content.assemble(
                    (_("at {time}", time=at), "bold"), (_(", whoever uses it"), "$muted")
                ),
            )

    def _traffic(self, status: VaultStatus, width: int) -> Iterator[Line]:
        history = self.vaultui.live.history(status.entry.id)
        totals = width >= 64
        cells = max(8, min(SAMPLES, width - LABEL_CELLS - (31 if totals else 14)))
        for label, rates, total in (
            (_("Read"), history.read, status.bytes_read),
            (_("Write"), history.written, status.bytes_written),
        ):
            rate = f"{size(rates[-1] if rates else 0)}/s"
            line = self.vaultui.glyphs.sparkline(rates, cells)
            in_all = _("  {total:>9} in all", total=size(total)) if totals else ""
            yield fact(
                label,
                Content.assemble((line, "$secondary"), f"  {rate:>11}", (in_all, "$muted")),
            )
        if status.rss_bytes:
            yield fact(_("Memory"), size(status.rss_bytes))

    def _files(self, status: VaultStatus, room: int) -> Iterator[Line]:
        detail = status.detail
        assert detail is not None
        ago = N_("last activity {time} ago") if room >= 36 else N_("used {time} ago")
        last = Content.assemble(
            (
                _(ago, time=span(detail.last_activity_s)),
                "$muted",
            )
        )
        count = Content.assemble((f"{detail.open_file_count:<4}", "bold"))
        yield fact(_("Open files"), count + last)
        for file in detail.open_files[:_OPEN_FILES_SHOWN]:
            who = ", ".join(f"{shown(opener.command)} {opener.pid}" for opener in file.openers[:2])
            mode = "w" if file.writable else "r"
            cells = room - 2 - (cell_len(who) + 2 if who else 0)
            path = clip_path(shown(file.path), cells, self.vaultui.glyphs.ellipsis)
            yield fact("", Content.assemble((f"{mode} ", "$accent"), path, (f"  {who}", "$muted")))
        more = detail.open_file_count - len(detail.open_files[:_OPEN_FILES_SHOWN])
        if more > 0:
            yield fact("", Content.assemble((_("and {more} more", more=more), "$muted")))


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
        how = _("locked")
    return f"{how}, {when}"
