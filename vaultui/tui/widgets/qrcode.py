"""A QR code that a phone reads off the screen: black on white, whatever the theme."""

from __future__ import annotations

from math import isqrt
from typing import Final

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

from vaultui.model.secret import Secret
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.widgets.secrettext import ShownSecret

_QUIET: Final = 4
"""Light modules around it, as ISO/IEC 18004 has it: without them it is not found."""
_INK: Final = Style(color="#000000", bgcolor="#ffffff")
_HALVES: Final = " ▀▄█"
_REVERSED: Final = (" ", "\x1b[7m \x1b[27m")
"""SGR 7 and 27 of ECMA-48: the colours of the cell change places."""


class QrCode(ShownSecret):
    """Draws a square of modules, a byte for each; two of them, one above the other, in a cell.

    With plain characters alone a module takes two cells side by side, dark in reverse video.
    """

    DEFAULT_CSS = "QrCode { width: auto; height: auto; }"

    def __init__(self, glyphs: Glyphs, modules: Secret, *, id: str) -> None:  # noqa: A002
        super().__init__(glyphs, modules, id=id)
        self._side = isqrt(len(modules)) + 2 * _QUIET
        self._rows: list[str] = []
        """Stand-ins for each line; all lines look the same to Textual."""
        self.cells = (
            Size(2 * self._side, self._side) if glyphs.ascii
            else Size(self._side, (self._side + 1) // 2)
        )  # fmt: skip

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return self.cells.width

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.cells.height

    def render_line(self, y: int) -> Strip:
        if self._hidden:
            return Strip([Segment(" " * self.cells.width, _INK)])
        if not self._rows:
            self._draw()
        return Strip([Segment(self._rows[y], _INK)], self.cells.width)

    def _draw(self) -> None:
        width, height = self.cells
        with Secret(bytearray(width * height)) as drawn, drawn.view as places:
            for place in range(len(places)):
                row, column = divmod(place, width)
                places[place] = (
                    self._dark(row, column // 2) if self._glyphs.ascii
                    else self._dark(2 * row, column) + 2 * self._dark(2 * row + 1, column)
                )  # fmt: skip
            stand_ins = self._veil.cover(places, _REVERSED if self._glyphs.ascii else _HALVES)
        self._rows = [stand_ins[start : start + width] for start in range(0, len(stand_ins), width)]

    def _dark(self, row: int, column: int) -> int:
        """Return 1 for a dark module, and 0 for a light one or one of the quiet zone."""
        inside = range(_QUIET, self._side - _QUIET)
        if row not in inside or column not in inside:
            return 0
        with self._secret.view as view:
            return view[(row - _QUIET) * len(inside) + column - _QUIET]
