"""The tasks of a vault as a table: those that are saved, then what runs and what has run."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, cast

from rich.text import Text

from vaultui.model.language import _
from vaultui.tui.moving import RowTable
from vaultui.tui.theme import rich_colour
from vaultui.tui.wording import clock, fit, shown
from vaultui.vaults import TaskRequest, TaskState, TaskStatus, task_in_words

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

Row = TaskRequest | TaskStatus
"""What stands in a row: a saved task, or one that was started."""

_STATE_CELLS: Final = 17
_BEGAN_CELLS: Final = 5
_TOOK_CELLS: Final = 7
_DRIVER_CELLS: Final = 9
_WIDE_CELLS: Final = 58
"""From here on there is room for the driver and the time of the start."""
_COLOURS: Final = {
    TaskState.STARTING: "$warning",
    TaskState.RUNNING: "$primary",
    TaskState.STOPPING: "$warning",
    TaskState.LOST: "$error",
}


class TaskTable(RowTable):
    """One row for each; the cursor stays with what it is on."""

    def __init__(self) -> None:
        super().__init__(id="task-table", cursor_type="row", cell_padding=1)
        self._rows: list[Row] = []
        self._drawn: list[tuple[str, ...]] = []

    @property
    def chosen(self) -> Row | None:
        """What the cursor is on."""
        return self._rows[self.cursor_row] if self.cursor_row < len(self._rows) else None

    def choose(self, task_id: str) -> bool:
        """Put the cursor on a task; False where it is not there."""
        for number, row in enumerate(self._rows):
            if isinstance(row, TaskStatus) and row.task_id == task_id:
                self.move_cursor(row=number)
                return True
        return False

    def show(self, rows: Iterable[Row], width: int, now: float) -> None:
        """Show these rows in `width` cells, at `now` in seconds since the epoch."""
        before = self.chosen
        self._rows = list(rows)
        wide = width >= _WIDE_CELLS
        fixed = (_STATE_CELLS, *((_DRIVER_CELLS, _BEGAN_CELLS) if wide else ()), _TOOK_CELLS)
        title_cells = max(6, width - sum(fixed) - 2 * (len(fixed) + 1) - 1)
        drawn = [tuple(self._cells(row, wide, title_cells, now)) for row in self._rows]
        colours = [self._colour(row) for row in self._rows]
        signature = [
            (str(width),),
            *((colour, *cells) for colour, cells in zip(colours, drawn, strict=True)),
        ]
        if signature == self._drawn:
            return
        self._drawn = signature
        self.clear(columns=True)
        self.add_column(_("State"), width=_STATE_CELLS)
        self.add_column(_("Task"), width=title_cells)
        if wide:
            self.add_column(_("Driver"), width=_DRIVER_CELLS)
            self.add_column(_("Began"), width=_BEGAN_CELLS)
        self.add_column(Text(_("Took"), justify="right"), width=_TOOK_CELLS)
        for (state, title, *middle, took), colour in zip(drawn, colours, strict=True):
            self.add_row(
                Text(state, rich_colour(self.app.theme_variables, colour)),
                Text(title, "bold"),
                *(Text(text) for text in middle),
                Text(took, justify="right"),
            )
        self._return_to(before)

    def _return_to(self, before: Row | None) -> None:
        """Put the cursor where it was: on the same row, wherever that is by now."""
        same = next((n for n, row in enumerate(self._rows) if _key(row) == _key(before)), None)
        if same is not None:
            self.move_cursor(row=same)

    def _cells(self, row: Row, wide: bool, title_cells: int, now: float) -> Iterator[str]:
        glyphs = cast("VaultuiApp", self.app).glyphs
        yield fit(f"{self._glyph(row)} {self._state(row)}", _STATE_CELLS, glyphs.ellipsis)
        title = row.name if isinstance(row, TaskRequest) else row.record.title
        yield fit(shown(title), title_cells, glyphs.ellipsis).rstrip()
        about = row if isinstance(row, TaskRequest) else row.record
        if wide:
            yield _("private") if about.private else about.driver.value
        if isinstance(row, TaskRequest):
            yield from ("", "") if wide else ("",)
            return
        if wide:
            yield time.strftime("%H:%M", time.localtime(row.record.launched_at))
        yield clock(_took(row, now))

    def _state(self, row: Row) -> str:
        return _("saved") if isinstance(row, TaskRequest) else _(task_in_words(row))

    def _glyph(self, row: Row) -> str:
        glyphs = cast("VaultuiApp", self.app).glyphs
        if isinstance(row, TaskRequest):
            return glyphs.turners[1]
        if row.end is not None:
            return glyphs.yes if row.succeeded else glyphs.no
        return glyphs.task(row.state.value)

    def _colour(self, row: Row) -> str:
        if isinstance(row, TaskRequest):
            return "$muted"
        if row.end is not None:
            return "$success" if row.succeeded else "$error"
        return _COLOURS.get(row.state, "$muted")


def _took(task: TaskStatus, now: float) -> float:
    """Return for how long a task has run, in seconds; 0 where its end is not known."""
    if task.end is not None:
        return task.end.exit.ended_at - task.end.exit.started_at
    return 0.0 if task.state is TaskState.LOST else now - task.record.launched_at


def _key(row: Row | None) -> str | None:
    """Return what makes a row the same one over changes of its state."""
    if isinstance(row, TaskRequest):
        return f"saved {row.saved}"
    return None if row is None else row.task_id
