"""The list of vaults: state, name, idle countdown, open files.

Drawn line by line, and only the lines that are seen: a list of hundreds is as quick as one of
three, and a countdown costs the one line that it is in.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vaultui.model.ids import VaultId
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.theme import STATE_COLOURS, rich_colour
from vaultui.tui.wording import clock, fit, shown
from vaultui.vaults import VaultStatus

_BAR_CELLS = 7
_STATE_CELLS = 11
_CLOCK_CELLS = 9
_FILES_CELLS = 5
_HEADINGS = (N_("State"), N_("Name"), N_("Idle lock"), N_("Files"))

Cells = tuple[tuple[str, str], ...]
"""Text and style of one line, from left to right; colours by the names of theme variables."""


@dataclass(frozen=True)
class _Columns:
    """Widths in cells, each with a space on both sides of it; 0 leaves a column out."""

    name: int
    idle: int
    files: int


def _columns(width: int) -> _Columns:
    """Return the widths for a table `width` cells wide. The name takes what is left."""
    idle = _BAR_CELLS + 1 + _CLOCK_CELLS if width >= 50 else _CLOCK_CELLS
    files = _FILES_CELLS if width >= 40 else 0
    taken = sum(cells + 2 for cells in (_STATE_CELLS, idle, files) if cells)
    return _Columns(max(6, width - taken - 2), idle, files)


class VaultTable(ScrollView, can_focus=True):
    """One line a vault, in the order of the registry. The cursor stays on its vault."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "vaults--header",
        "vaults--line",
        "vaults--cursor",
        "vaults--hover",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", "Down", show=False),
        Binding("up", "cursor_up", "Up", show=False),
        Binding("home", "cursor_to(0)", "First", show=False),
        Binding("end", "cursor_to(-1)", "Last", show=False),
        Binding("pagedown", "cursor_page(1)", "A page down", show=False),
        Binding("pageup", "cursor_page(-1)", "A page up", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    hovered: reactive[int | None] = reactive(None, repaint=False)

    class Chosen(Message):
        """Enter was pressed, or a line clicked twice."""

    class Moved(Message):
        """The cursor is on another vault."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="vaults")
        self._glyphs = glyphs
        self._statuses: Sequence[VaultStatus] = ()
        self._marked: Collection[VaultId] = ()
        self._drawn: dict[int, Cells] = {}
        """What the lines on the screen show, by row; others are drawn when they come into sight."""

    # -- what it shows ----------------------------------------------------------------------

    @property
    def selected(self) -> VaultId | None:
        """The vault under the cursor, or None in an empty table."""
        return self._statuses[self.cursor].entry.id if self.cursor < len(self._statuses) else None

    def select(self, vault: VaultId) -> None:
        """Put the cursor on a vault, if it is listed."""
        for row, status in enumerate(self._statuses):
            if status.entry.id == vault:
                self.cursor = row

    def show(self, statuses: Sequence[VaultStatus], marked: Collection[VaultId] = ()) -> None:
        """Show these vaults, in this order; lines that stay the same are not drawn again."""
        selected = self.selected
        known = [status.entry.id for status in self._statuses]
        self._statuses, self._marked = statuses, frozenset(marked)
        if known == [status.entry.id for status in statuses]:
            self._refresh_changed()
            return
        self._drawn.clear()
        # One line more than there are vaults: the header stays where it is.
        self.virtual_size = Size(0, len(statuses) + 1)
        self.refresh()
        if selected is not None:
            self.select(selected)
        self.cursor = self.validate_cursor(self.cursor)
        if self.selected != selected:
            self.post_message(self.Moved())

    def _refresh_changed(self) -> None:
        columns = _columns(self.size.width)
        for row, cells in list(self._drawn.items()):
            if self._cells(self._statuses[row], columns) != cells:
                self._refresh_row(row)

    def _refresh_row(self, row: int) -> None:
        self.refresh_line(row + 1)

    # -- drawing ----------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        columns = _columns(width)
        if y == 0:
            return self._strip(self._heading(columns), "vaults--header", width)
        row = self.scroll_offset.y + y - 1
        if row >= len(self._statuses):
            return Strip.blank(width, self.get_component_rich_style("vaults--line"))
        if len(self._drawn) > 2 * self.size.height:
            self._drawn.clear()
        cells = self._drawn[row] = self._cells(self._statuses[row], columns)
        under = {self.cursor: "vaults--cursor", self.hovered: "vaults--hover"}
        return self._strip(cells, under.get(row, "vaults--line"), width)

    def _strip(self, cells: Cells, component: str, width: int) -> Strip:
        ground = self.get_component_rich_style(component)
        # What reverses a line, where there is no colour, must not be mixed with colours.
        plain = bool(ground.reverse)
        segments = [Segment(" ", ground)]
        segments += [
            Segment(text, ground + self._style(style, plain)) for text, style in cells if text
        ]
        return Strip(segments).adjust_cell_length(width, ground)

    def _style(self, words: str, plain: bool) -> Style:
        weight, _space, variable = words.rpartition(" ")
        colour = "" if plain else rich_colour(self.app.theme_variables, variable)
        return Style(color=colour or None, bold=True if weight == "bold" else None)

    def _heading(self, columns: _Columns) -> Cells:
        state, name, idle, files = map(_, _HEADINGS)
        ellipsis = self._glyphs.ellipsis
        texts = [
            fit("  " + state, _STATE_CELLS, ellipsis),
            fit(name, columns.name, ellipsis),
            fit(idle, columns.idle, ellipsis),
        ]
        if columns.files:
            texts.append(fit(files.rjust(_FILES_CELLS), columns.files, ellipsis))
        return tuple((text + "  ", "$muted") for text in texts)

    def _cells(self, status: VaultStatus, columns: _Columns) -> Cells:
        glyphs = self._glyphs
        state = f"{glyphs.state(status.state)} {_(status.state.value)}"
        mark = f"{glyphs.star} " if status.entry.favourite else ""
        if status.entry.id in self._marked:
            mark = f"{glyphs.yes} {mark}"
        name = fit(mark + shown(status.entry.name), columns.name, glyphs.ellipsis)
        closed = status.state in {VaultState.LOCKED, VaultState.MISSING}
        cells = [
            (fit(state, _STATE_CELLS, glyphs.ellipsis) + "  ", STATE_COLOURS[status.state]),
            (name + "  ", "$foreground" if closed else "bold $foreground"),
            *self._idle(status, columns.idle),
        ]
        if columns.files:
            known = status.open_files is not None
            files = str(status.open_files) if known else glyphs.none
            style = "$foreground" if status.open_files else "$muted"
            cells.append(("  " + files.rjust(columns.files), style))
        return tuple(cells)

    def _idle(self, status: VaultStatus, width: int) -> Iterator[tuple[str, str]]:
        ellipsis = self._glyphs.ellipsis
        text, style = self._idle_words(status, width)
        if text:
            yield fit(text, width, ellipsis), style
            return
        left = status.idle_left_s or 0.0
        colour = "$warning" if left <= 60 else "$primary"
        if width > _CLOCK_CELLS:
            full, empty = self._glyphs.bar(left / status.idle_timeout_s, _BAR_CELLS)
            yield full, colour
            yield empty + " ", "$muted"
        yield fit(clock(left), _CLOCK_CELLS), colour if left <= 60 else "$foreground"

    def _idle_words(self, status: VaultStatus, width: int) -> tuple[str, str]:
        """Return what stands in place of a countdown, and its colour; empty where one runs."""
        if status.state not in {VaultState.OPEN, VaultState.BUSY}:
            return self._glyphs.none, "$muted"
        if status.state is VaultState.BUSY and status.idle_timeout_s:
            return _("due, held") if width > _CLOCK_CELLS else _("due"), "$warning"
        if status.detail is not None and status.detail.temporary:
            return _("for a task") if width > _CLOCK_CELLS else _("task"), "$accent"
        if status.detail is not None and status.detail.closes_at and status.idle_left_s is None:
            at = time.strftime("%H:%M", time.localtime(status.detail.closes_at))
            return _("at {time}", time=at), "$foreground"
        if not status.idle_timeout_s:
            return _("never"), "$muted"
        if status.idle_paused:
            return _("paused"), "$accent"
        if status.idle_left_s is None:
            return _("in use"), "$success"
        return "", ""

    # -- moving -----------------------------------------------------------------------------

    def validate_cursor(self, row: int) -> int:
        return max(0, min(row, len(self._statuses) - 1))

    def watch_cursor(self, before: int, row: int) -> None:
        self._refresh_row(before)
        self._refresh_row(row)
        self._scroll_to_row(row)
        self.post_message(self.Moved())

    def _scroll_to_row(self, row: int) -> None:
        rows, top = self.size.height - 1, self.scroll_offset.y
        if rows > 0 and not top <= row < top + rows:
            to = row if row < top else row - rows + 1
            self.scroll_to(y=to, animate=False, force=True, immediate=True)

    def action_cursor_down(self) -> None:
        self.cursor += 1

    def action_cursor_up(self) -> None:
        self.cursor -= 1

    def action_cursor_to(self, row: int) -> None:
        """Go to the first line, 0, or to the last, -1."""
        self.cursor = row % max(1, len(self._statuses))

    def action_cursor_page(self, pages: int) -> None:
        self.cursor += pages * max(1, self.size.height - 2)

    def action_choose(self) -> None:
        self.post_message(self.Chosen())

    # -- mouse and terminal -----------------------------------------------------------------

    def _row_at(self, y: int) -> int | None:
        """Return which row is at a line of the widget; None for the header and below the end."""
        row = self.scroll_offset.y + y - 1
        return row if y > 0 and row < len(self._statuses) else None

    def on_click(self, event: events.Click) -> None:
        row = self._row_at(event.y)
        if row is None:
            return
        self.cursor = row
        if event.chain == 2:
            self.post_message(self.Chosen())

    def on_mouse_move(self, event: events.MouseMove) -> None:
        self.hovered = self._row_at(event.y)

    def on_leave(self, _event: events.Leave) -> None:
        self.hovered = None

    def watch_hovered(self, before: int | None, row: int | None) -> None:
        for changed in {before, row} - {None}:
            self._refresh_row(changed or 0)

    def on_resize(self, _event: events.Resize) -> None:
        self._scroll_to_row(self.cursor)
