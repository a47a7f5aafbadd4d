"""All keys: first those of the pane that one is in, then in the groups of the table of actions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from vaultui.model.language import N_, _
from vaultui.tui.actions import ACTIONS
from vaultui.tui.screens.dialog import Dialog

_MOVING = (
    ("Enter", N_("Unlock, or go into the detail of an open vault")),
    ("j k g G", N_("Down, up, first, last; the arrows work as well")),
    ("Tab", N_("Next pane")),
    ("1-6", N_("Overview, Processes, Activity, Paths, Tasks, Log")),
    ("Esc", N_("Back, cancel, clear the filter")),
)
_PANES = (
    (N_("Processes"), N_("t asks to end   x kills   c copies the path")),
    (N_("Paths"), N_("type a path; Enter copies its other side")),
    (N_("Tasks"), N_("Enter starts, or shows the output   t stops   x kills   n saves one")),
    (N_("Log"), N_("Space pauses   / searches   w saves   c copies its path")),
)
_KEY_CELLS = 12


class HelpScreen(Dialog[None]):
    """Esc, q or ? closes it."""

    BINDINGS = [Binding("q,question_mark,f1", "cancel", "Close")]  # noqa: RUF012 - as Textual has it

    def __init__(self, tab: str = "", keys: Sequence[tuple[str, str]] = ()) -> None:
        """Begin with the keys of the pane under a tab, where one is in such a pane."""
        super().__init__(id="help")
        self._tab = tab
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide") as box:
            self.head(box, _("Help"), _("Esc closes"))
            yield Static(self._text(), markup=False)

    def _text(self) -> Content:
        parts: list[Content] = []
        if self._keys:
            parts += self._group(_(self._tab.capitalize()), self._keys)
        parts += self._group(_("Moving"), _MOVING)
        for group, actions in groupby(ACTIONS, key=lambda action: action.group):
            rows = [(self.vaultui.key_of(action), action.help) for action in actions]
            parts += self._group(_(group), rows)
        if not self._keys:
            parts += self._group(_("In a pane"), [(_(pane), text) for pane, text in _PANES])
        return Content("\n").join(parts)

    def _group(self, name: str, rows: Iterable[tuple[str, str]]) -> list[Content]:
        lines = [Content.assemble((name, "bold $primary"))]
        for key, text in rows:
            lines.append(Content.assemble((f"  {key:<{_KEY_CELLS}}", "$accent"), _(text)))
        return [*lines, Content("")]
