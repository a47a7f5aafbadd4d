"""The processes that hold a vault, as a table with keys that end one or copy its path."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.text import Text
from textual.binding import Binding, BindingType

from vaultui.model.language import N_, _
from vaultui.tui.moving import RowTable
from vaultui.tui.wording import clip_path, fit, shown
from vaultui.vaults import Holder

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

_KINDS: Final = {
    "open": N_("open file"),
    "cwd": N_("working dir"),
    "map": N_("mapping"),
    "exe": N_("program"),
    "root": N_("root dir"),
    "task": N_("task"),
}
_PID_CELLS = 7
_COMMAND_CELLS = 14
_KIND_CELLS = 11
_WIDE_CELLS = 50
"""From here on there is room for how a process holds a file."""


class HolderTable(RowTable):
    """One row for each thing that is held. The keys mean the process under the cursor alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "end('TERM')", "Ask the process to end", show=False),
        Binding("x", "end('KILL')", "Kill the process", show=False),
        Binding("c", "copy", "Copy the path", show=False),
    ]

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, cursor_type="row", cell_padding=1)
        self._holders: Sequence[Holder] = ()
        self._drawn: tuple[object, ...] = ()

    @property
    def _vaultui(self) -> VaultuiApp:
        return cast("VaultuiApp", self.app)

    def show(self, holders: Sequence[Holder], mountpoint: str, width: int) -> None:
        """Show these holders in `width` cells; while they are the same the cursor stays."""
        self.display = bool(holders)
        drawn = (width, mountpoint, *holders)
        if drawn == self._drawn:
            return
        self._drawn, self._holders = drawn, sorted(holders, key=attrgetter("pid"))
        row = self.cursor_row
        self.clear(columns=True)
        kind_cells = _KIND_CELLS if width >= _WIDE_CELLS else 0
        fixed = [cells for cells in (_PID_CELLS, _COMMAND_CELLS, kind_cells) if cells]
        path_cells = max(8, width - sum(fixed) - 2 * (len(fixed) + 1) - 1)
        self.add_column(Text("PID", justify="right"), width=_PID_CELLS)
        self.add_column(Text(_("Process")), width=_COMMAND_CELLS)
        if kind_cells:
            self.add_column(Text(_("Holds")), width=kind_cells)
        self.add_column(Text(_("Path")), width=path_cells)
        ellipsis = self._vaultui.glyphs.ellipsis
        above: Holder | None = None
        for holder in self._holders:
            # A process is named once, above all that it holds.
            first = above is None or above.pid != holder.pid
            above = holder
            command = fit(shown(holder.command), _COMMAND_CELLS, ellipsis).rstrip()
            kind = Text(_(_KINDS.get(holder.kind, holder.kind)))
            self.add_row(
                Text(str(holder.pid) if first else "", justify="right"),
                Text(command if first else "", "bold"),
                *([kind] if kind_cells else []),
                Text(clip_path(_inside(holder, mountpoint), path_cells, ellipsis)),
            )
        if holders:
            self.move_cursor(row=min(row, len(holders) - 1))

    @property
    def _chosen(self) -> Holder | None:
        return self._holders[self.cursor_row] if self.cursor_row < len(self._holders) else None

    def action_end(self, name: str) -> None:
        if self._chosen is not None:
            number = signal.SIGKILL if name == "KILL" else signal.SIGTERM
            self._vaultui.flows.locking.end_holder(self._chosen, number)

    def action_copy(self) -> None:
        if self._chosen is not None:
            self._vaultui.copy_text(self._chosen.path)


def _inside(holder: Holder, mountpoint: str) -> str:
    """Return the path below the mount point, where that is where the holder is."""
    inside = holder.path.removeprefix(mountpoint.rstrip("/"))
    return shown(inside.removeprefix("/") or ".")
