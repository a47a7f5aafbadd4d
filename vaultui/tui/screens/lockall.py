"""Locking all vaults: what it will do to each, and what becomes of those that are held."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.ids import VaultId
from vaultui.model.language import N_, _, ngettext
from vaultui.model.states import VaultState
from vaultui.tui.screens.confirm import ConfirmScreen
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.theme import STATE_COLOURS
from vaultui.tui.widgets.menu import Menu
from vaultui.tui.wording import clip, listed, shown
from vaultui.vaults import Holder, LockMode, VaultStatus

_LOOK_S = 1.0
_STATE_CELLS = 11
_NAME_CELLS = 20
_HOLDERS_NAMED = 3

_WAYS = {
    "free": ("l", N_("Lock what nobody holds; the rest stays open")),
    "wait": ("w", N_("Lock all; those that are held, as soon as they are free")),
    "kill": ("x", N_("Kill the processes that hold them, and lock all")),
    "cancel": ("Esc", N_("Leave them open")),
}
_WAYS_WHERE_ALL_ARE_FREE = {"free": ("l", N_("Lock all")), "cancel": _WAYS["cancel"]}


class LockAllScreen(Dialog[LockMode]):
    """Answers with how to lock; looks at the holders again every second."""

    BINDINGS = [  # noqa: RUF012 - as Textual has it
        Binding("l", "free", "Lock what is free", show=False),
        Binding("w", "wait", "Wait for the rest", show=False),
        Binding("x", "kill", "Kill the holders", show=False),
    ]
    CSS = """
    LockAllScreen #lock-all-list {
        height: auto; max-height: 12; margin: 1 0 0 0; background: $surface;
    }
    LockAllScreen #lock-all-list > .datatable--even-row { background: $surface; }
    """

    def __init__(self, statuses: Sequence[VaultStatus]) -> None:
        """Take the vaults that are open."""
        super().__init__(id="lock-all")
        self._statuses = statuses
        self._holders: dict[VaultId, list[Holder]] = {}

    def compose(self) -> ComposeResult:
        count = len(self._statuses)
        with VerticalScroll(classes="dialog wide", can_focus=False) as box:
            self.head(box, _("Lock all"), _("Enter chooses  Esc cancels"))
            yield Static(
                ngettext("This locks {count} vault:", "This locks {count} vaults:", count),
                markup=False,
            )
            yield DataTable[Text](
                id="lock-all-list", cursor_type="none", cell_padding=1, show_header=False
            )
            yield Menu(_WAYS_WHERE_ALL_ARE_FREE)

    def on_mount(self) -> None:
        self.query_one(Menu).focus()
        self._look()
        self.set_interval(_LOOK_S, self._look)

    # -- showing ----------------------------------------------------------------------------

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        """Find out who holds what."""
        vaults = self.vaultui.vaults
        results = await asyncio.gather(
            *(vaults.holders(status.entry.name) for status in self._statuses),
            return_exceptions=True,
        )
        for status, holders in zip(self._statuses, results, strict=True):
            # A vault that cannot be looked into is tried all the same, and tells why it failed.
            found = holders if isinstance(holders, list) else []
            self._holders[status.entry.id] = found
            if isinstance(holders, BaseException) and not isinstance(holders, VaultuiError):
                raise holders
        # Where nobody holds anything, there is one way to lock.
        self.query_one(Menu).offer(_WAYS if self._held else _WAYS_WHERE_ALL_ARE_FREE)
        self._draw()

    @property
    def _held(self) -> list[Holder]:
        return [holder for holders in self._holders.values() for holder in holders]

    def _draw(self) -> None:
        width = self.query_one(".dialog").content_size.width
        if not width:
            self.call_after_refresh(self._draw)
            return
        table: DataTable[Text] = self.query_one("#lock-all-list", DataTable)
        glyphs = self.vaultui.glyphs
        room = max(10, width - _STATE_CELLS - _NAME_CELLS - 3 * 2)
        table.clear(columns=True)
        for cells in (_STATE_CELLS, _NAME_CELLS, room):
            table.add_column("", width=cells)
        for before in self._statuses:
            status = self.vaultui.live.status(before.entry.id) or before
            colour = self.app.theme_variables.get(STATE_COLOURS[status.state][1:], "")
            state = f"{glyphs.state(status.state)} {_(status.state.value)}"
            table.add_row(
                Text(state, style=colour),
                Text(clip(shown(status.entry.name), _NAME_CELLS, glyphs.ellipsis), "bold"),
                Text(clip(self._outlook(status), room, glyphs.ellipsis)),
            )

    def _outlook(self, status: VaultStatus) -> str:
        if status.state is VaultState.BROKEN:
            return _("is dead: its mount is detached")
        if status.state is VaultState.HUNG:
            return _("hangs, and may stay as it is")
        holders = self._holders.get(status.entry.id, [])
        if not holders:
            return _("is free")
        names = _names(holders)
        more = len(names) - _HOLDERS_NAMED
        if more > 0:
            names = [*names[:_HOLDERS_NAMED], ngettext("{count} more", "{count} more", more)]
        return _("held by {processes}", processes=listed(names))

    # -- choices ----------------------------------------------------------------------------

    def action_free(self) -> None:
        self.dismiss(LockMode.POLITE)

    def action_wait(self) -> None:
        self.dismiss(LockMode.WAIT if self._held else LockMode.POLITE)

    def action_kill(self) -> None:
        if not self._held:
            self.dismiss(LockMode.POLITE)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(LockMode.KILL)

        names = _names(self._held)
        text = _(
            "These processes end at once, and what they have not saved is lost: {processes}.",
            processes=listed(names),
        )
        self.app.push_screen(
            ConfirmScreen(_("Kill and lock"), text, yes=_("Kill and lock"), danger=True), answered
        )


def _names(holders: Iterable[Holder]) -> list[str]:
    """Return each process once, and tasks by their titles."""
    words = (
        _("the task {title}", title=shown(holder.command))
        if holder.kind == "task"
        else f"{shown(holder.command)} ({holder.pid})"
        for holder in holders
    )
    return list(dict.fromkeys(words))
