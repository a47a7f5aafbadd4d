"""The last lines of a text that grows: followed, paused, and searched."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Log, Static

from vaultui.model.language import N_, _
from vaultui.tui.wording import clip_path, shown

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

_COLOURS: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""Control sequences, ECMA-48: some programs colour what they write wherever it goes."""


class LastLines(Vertical):
    """Shows what it is given, and stays at the end unless it is scrolled away from there.

    Its parts are called after `prefix`. The one that reads the text looks at `paused` first.
    """

    KEYS = (
        ("Space", N_("pause, or follow the end again")),
        ("/", N_("search: show the lines with a text in them; Esc shows all")),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "follow", "Pause or follow", show=False),
        Binding("slash", "search", "Search", show=False),
        Binding("escape", "all", "Show all lines", show=False),
    ]

    class Resumed(Message):
        """It follows again, and what came meanwhile can be shown."""

    class Left(Message):
        """Esc was pressed where all lines are shown."""

    def __init__(self, prefix: str, note: Callable[[], str]) -> None:
        """Take what to say beside the field for searching, where there is nothing else to say."""
        super().__init__(id=f"{prefix}-text")
        self._prefix = prefix
        self._usual_note = note
        self._lines: Sequence[str] = ()
        self.paused = False

    def compose(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Input(
                placeholder=_("search"), id=f"{self._prefix}-search", classes="search", compact=True
            )
            yield Static(id=f"{self._prefix}-note", classes="note", markup=False)
        yield Log(id=f"{self._prefix}-lines", highlight=False, auto_scroll=True)

    def reset(self) -> None:
        """Begin with another text."""
        self._lines = ()
        self.paused = False
        self.query_one(Input).clear()
        self._draw()

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines, which are the last ones."""
        if lines == self._lines:
            self.note()
            return
        known, self._lines = self._lines, lines
        if not known or list(lines[: len(known)]) != list(known):
            self._draw()
            return
        # Only what is new: who has scrolled to an earlier place stays there.
        self._write(lines[len(known) :])
        self.note()

    def _draw(self) -> None:
        self.query_one(Log).clear()
        self._write(self._lines)
        self.note()

    def _write(self, lines: Sequence[str]) -> None:
        self.query_one(Log).write_lines(_plain(line) or " " for line in self._found(lines))

    def _found(self, lines: Sequence[str]) -> list[str]:
        wanted = self.query_one(Input).value.casefold()
        return [line for line in lines if wanted in line.casefold()]

    def on_resize(self) -> None:
        # Until it is laid out, the note has no room to be cut to.
        self.call_after_refresh(self.note)

    def note(self) -> None:
        """Say anew what is to be said beside the field for searching."""
        if self.paused:
            text = _("paused, Space follows")
        elif self._lines and self.query_one(Input).value:
            found = len(self._found(self._lines))
            text = _("{found} of {all} lines", found=found, all=len(self._lines))
        else:
            text = self._usual_note()
        note = self.query_one(".note", Static)
        glyphs = cast("VaultuiApp", self.app).glyphs
        note.update(clip_path(text, note.size.width, glyphs.ellipsis))

    def focus_text(self) -> None:
        """Go to the lines."""
        self.query_one(Log).focus()

    # -- keys -------------------------------------------------------------------------------

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_text()

    def action_search(self) -> None:
        # At once, unlike `focus`: the text comes right after.
        self.screen.set_focus(self.query_one(Input))

    def action_all(self) -> None:
        search = self.query_one(Input)
        if search.value or search.has_focus:
            search.clear()
            self.focus_text()
        else:
            self.post_message(self.Left())

    def action_follow(self) -> None:
        self.paused = not self.paused
        self.note()
        if not self.paused:
            self.post_message(self.Resumed())


def _plain(line: str) -> str:
    """Return a line without its colours, and its tabs as spaces."""
    return shown(_COLOURS.sub("", line).expandtabs())
