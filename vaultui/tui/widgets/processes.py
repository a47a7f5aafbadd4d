"""The Processes pane: who holds the vault, through which file, and a way to end them."""

from __future__ import annotations

import signal
from operator import attrgetter
from typing import ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.tui.moving import RowTable
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import clip_path, fit, shown
from vaultui.vaults import Holder, VaultStatus

KIND_WORDS = {
    "open": N_("open file"),
    "cwd": N_("working dir"),
    "map": N_("mapping"),
    "exe": N_("program"),
    "root": N_("root dir"),
}
_PID_CELLS = 7
_COMMAND_CELLS = 14
_KIND_CELLS = 11
_WIDE_CELLS = 50
"""From here on there is room for how a process holds a file."""


def holder_path(holder: Holder, mountpoint: str) -> str:
    """Return the path below the mount point, where that is where the holder is."""
    inside = holder.path.removeprefix(mountpoint.rstrip("/"))
    return shown(inside.removeprefix("/") or ".")


class Processes(Pane):
    """The holders of an open vault, asked for again with every new state."""

    KEYS = (
        ("t", N_("ask the process to end (TERM)")),
        ("x", N_("kill it, after a question (KILL)")),
        ("c", N_("copy the path that it holds")),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "end('TERM')", "Ask the process to end", show=False),
        Binding("x", "end('KILL')", "Kill the process", show=False),
        Binding("c", "copy", "Copy the path", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="processes-pane")
        self._holders: list[Holder] = []
        self._drawn: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="processes-note", markup=False)
        yield RowTable(id="holders", cursor_type="row", cell_padding=1)

    def vault_changed(self) -> None:
        self._holders = []
        self._drawn = ()
        self._draw()

    def state_changed(self) -> None:
        if self.status is None or not self.status.mounted:
            self._holders = []
            self._draw()
        elif not any(worker.group == "holders" and not worker.is_finished
                     for worker in self.workers):  # fmt: skip
            self._look(self.status)

    def on_resize(self, _event: events.Resize) -> None:
        self._drawn = ()
        self._draw()

    @work(group="holders")
    async def _look(self, status: VaultStatus) -> None:
        try:
            holders = await self.vaultui.vaults.holders(status.entry.name)
        except VaultuiError as error:
            self.query_one("#processes-note", Static).update(shown(error.summary))
            return
        if self.status is not None and self.status.entry.id == status.entry.id:
            self._holders = sorted(holders, key=attrgetter("pid"))
            self._draw()

    def _draw(self) -> None:
        table = self.query_one(RowTable)
        width = self.content_size.width
        if self.status is None or width <= 0:
            return
        drawn = (width, self.status.mounted, tuple(self._holders))
        if drawn == self._drawn:
            return
        self._drawn = drawn
        note = self.query_one("#processes-note", Static)
        table.display = bool(self._holders)
        note.update(self._note(self.status))
        row = table.cursor_row
        table.clear(columns=True)
        kind_cells = _KIND_CELLS if width >= _WIDE_CELLS else 0
        fixed = [cells for cells in (_PID_CELLS, _COMMAND_CELLS, kind_cells) if cells]
        path_cells = max(8, width - sum(fixed) - 2 * (len(fixed) + 1) - 1)
        table.add_column(Text("PID", justify="right"), width=_PID_CELLS)
        table.add_column(Text(_("Process")), width=_COMMAND_CELLS)
        if kind_cells:
            table.add_column(Text(_("Holds")), width=kind_cells)
        table.add_column(Text(_("Path")), width=path_cells)
        mountpoint = self.status.mountpoint or self.status.entry.mountpoint
        ellipsis = self.vaultui.glyphs.ellipsis
        before: Holder | None = None
        for holder in self._holders:
            # A process is named once, above all that it holds.
            first = before is None or before.pid != holder.pid
            before = holder
            command = fit(shown(holder.command), _COMMAND_CELLS, ellipsis).rstrip()
            kind = Text(_(KIND_WORDS.get(holder.kind, holder.kind)))
            table.add_row(
                Text(str(holder.pid) if first else "", justify="right"),
                Text(command if first else "", "bold"),
                *([kind] if kind_cells else []),
                Text(clip_path(holder_path(holder, mountpoint), path_cells, ellipsis)),
            )
        if self._holders:
            table.move_cursor(row=min(row, len(self._holders) - 1))

    def _note(self, status: VaultStatus) -> str:
        name = shown(status.entry.name)
        if not status.mounted:
            return _(
                "{name} is {state}: nothing can hold it.", name=name, state=_(status.state.value)
            )
        if status.state is VaultState.BROKEN:
            return _("{name} is broken; R detaches its dead mount.", name=name)
        if not self._holders:
            return _("Nothing holds {name}: it can be locked.", name=name)
        return _("t asks the process to end   x kills it   c copies the path")

    def _chosen(self) -> Holder | None:
        row = self.query_one(RowTable).cursor_row
        return self._holders[row] if 0 <= row < len(self._holders) else None

    def action_copy(self) -> None:
        holder = self._chosen()
        if holder is not None:
            self.vaultui.copy_text(holder.path)

    def action_end(self, name: str) -> None:
        holder = self._chosen()
        if holder is not None:
            number = signal.SIGKILL if name == "KILL" else signal.SIGTERM
            self.vaultui.flows.locking.end_holder(holder, number)
