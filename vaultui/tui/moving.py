"""The letters that move, in every list, log and text: as in vi, less and lazygit.

Each stands for the key that does the same, so that whatever can be moved with the arrows can be
moved with letters, and nothing has to know of both. Fields for text take letters before these.
"""

from __future__ import annotations

from typing import ClassVar, Final

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from vaultui.model.language import N_

_MOVES = (
    ("j", "down", N_("Down")),
    ("k", "up", N_("Up")),
    ("g", "home", N_("First")),
    ("G", "end", N_("Last")),
    ("ctrl+d", "pagedown", N_("A page down")),
    ("ctrl+u", "pageup", N_("A page up")),
)

MOVES: Final[list[BindingType]] = [
    Binding(letter, f"app.move('{key}')", words, show=False, id=f"move.{key}")
    for letter, key, words in _MOVES
]
"""For every screen: bindings of the application are out of reach below a dialog."""


class RowTable(DataTable[Text]):
    """A table that is moved through by rows: Home and End are its first and its last one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
    ]
