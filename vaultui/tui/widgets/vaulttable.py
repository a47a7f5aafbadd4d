"""The list of vaults: state, name, idle countdown, open files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.theme import STATE_COLOURS
from vaultui.tui.wording import clock, fit, shown
from vaultui.vaults import VaultStatus

_BAR_CELLS = 7
_STATE_CELLS = 11
_CLOCK_CELLS = 9
_FILES_CELLS = 5
_PADDING = 1


@dataclass(frozen=True)
class _Columns:
    """Widths in cells; 0 leaves a column out."""

    name: int
    idle: int
    files: int


def _columns(width: int) -> _Columns:
    """Return the widths for a table `width` cells wide. The name takes what is left."""
    idle = _BAR_CELLS + 1 + _CLOCK_CELLS if width >= 50 else _CLOCK_CELLS
    files = _FILES_CELLS if width >= 40 else 0
    taken = sum(cells + 2 * _PADDING for cells in (_STATE_CELLS, idle, files) if cells)
    return _Columns(max(6, width - taken - 2 * _PADDING), idle, files)


class VaultTable(DataTable[Text]):
    """One row a vault, in the order of the registry. The cursor stays on its vault."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "Down", show=False),
        Binding("k,up", "cursor_up", "Up", show=False),
        Binding("g,home", "scroll_top", "First", show=False),
        Binding("G,end", "scroll_bottom", "Last", show=False),
        Binding("enter", "select_cursor", "Open", show=False),
    ]

    class Chosen(Message):
        """Enter was pressed, or a row clicked twice."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(
            id="vaults",
            cursor_type="row",
            cell_padding=_PADDING,
            cursor_foreground_priority="renderable",
        )
        self._glyphs = glyphs
        self._statuses: Sequence[VaultStatus] = ()
        self._layout_key: tuple[object, ...] = ()

    @property
    def selected(self) -> VaultId | None:
        """The vault under the cursor, or None in an empty table."""
        if not self._statuses or not 0 <= self.cursor_row < len(self._statuses):
            return None
        return self._statuses[self.cursor_row].entry.id

    def select(self, vault: VaultId) -> None:
        """Put the cursor on a vault, if it is listed."""
        for row, status in enumerate(self._statuses):
            if status.entry.id == vault:
                self.move_cursor(row=row)

    def show(self, statuses: Sequence[VaultStatus]) -> None:
        """Show these vaults; the rows are changed in place when they are the same ones."""
        width = self.content_size.width or self.size.width
        if width <= 0:
            return
        columns = _columns(width)
        key = (columns, tuple(status.entry.id for status in statuses))
        if key != self._layout_key:
            selected = self.selected
            self._statuses = statuses
            self._rebuild(columns, statuses)
            self._layout_key = key
            if selected is not None:
                self.select(selected)
            return
        self._statuses = statuses
        for row, status in enumerate(statuses):
            for column, cell in enumerate(self._cells(status, columns)):
                if self.get_cell_at((row, column)) != cell:  # type: ignore[arg-type] # pairs do
                    self.update_cell_at((row, column), cell)  # type: ignore[arg-type]

    def _rebuild(self, columns: _Columns, statuses: Sequence[VaultStatus]) -> None:
        self.clear(columns=True)
        self.add_column(Text("  State"), width=_STATE_CELLS)
        self.add_column(Text("Name"), width=columns.name)
        self.add_column(Text("Idle lock"[: columns.idle]), width=columns.idle)
        if columns.files:
            self.add_column(Text("Files", justify="right"), width=columns.files)
        for status in statuses:
            self.add_row(*self._cells(status, columns), key=status.entry.id)

    def _cells(self, status: VaultStatus, columns: _Columns) -> list[Text]:
        glyphs = self._glyphs
        colour = self._colour(STATE_COLOURS[status.state])
        name = fit(shown(status.entry.name), columns.name, glyphs.ellipsis).rstrip()
        muted = status.state in {VaultState.LOCKED, VaultState.MISSING}
        cells = [
            Text(f"{glyphs.state(status.state)} {status.state.value}", style=colour),
            Text(name, style="" if muted else "bold"),
            self._idle(status, columns.idle),
        ]
        if columns.files:
            files = glyphs.none if status.open_files is None else str(status.open_files)
            cells.append(
                Text(
                    files,
                    style="" if status.open_files else self._colour("$muted"),
                    justify="right",
                )
            )
        return cells

    def _idle(self, status: VaultStatus, width: int) -> Text:
        if status.state not in {VaultState.OPEN, VaultState.BUSY}:
            return Text(self._glyphs.none, style=self._colour("$muted"))
        if not status.idle_timeout_s:
            return Text("never", style=self._colour("$muted"))
        if status.idle_paused:
            return Text("paused", style=self._colour("$accent"))
        if status.state is VaultState.BUSY:
            return Text("due, held" if width > _CLOCK_CELLS else "due",
                        style=self._colour("$warning"))  # fmt: skip
        if status.idle_left_s is None:
            return Text("in use", style=self._colour("$success"))
        soon = status.idle_left_s <= 60
        colour = self._colour("$warning" if soon else "$primary")
        text = Text()
        if width > _CLOCK_CELLS:
            full, empty = self._glyphs.bar(status.idle_left_s / status.idle_timeout_s, _BAR_CELLS)
            text.append(full, colour).append(empty, self._colour("$muted")).append(" ")
        return text.append(clock(status.idle_left_s), colour if soon else "")

    def _colour(self, variable: str) -> str:
        """Return the colour of a theme variable; cells are Rich text, which knows no variables."""
        return self.app.theme_variables.get(variable[1:], "")

    def repaint(self) -> None:
        """Draw every row again, after a change of the theme."""
        self._layout_key = ()
        self.show(self._statuses)

    def on_resize(self, _event: events.Resize) -> None:
        self.show(self._statuses)

    def action_select_cursor(self) -> None:
        self.post_message(self.Chosen())

    def _on_click_twice(self) -> None:
        self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2:
            self._on_click_twice()
