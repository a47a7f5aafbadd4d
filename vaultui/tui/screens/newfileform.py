"""Something that is kept in a file of its own: asks where that shall be, and writes it there."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

from textual.app import ComposeResult
from textual.widgets import Input, Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Field
from vaultui.tui.widgets.keyfields import as_path
from vaultui.tui.wording import place


class NewFileForm(FormScreen[None]):
    """A form with one field. A file that is there already is never written over."""

    go = N_("Save it")
    keys = N_("Enter saves it  Esc goes back")
    about: str
    """What the file is, and how careful one has to be with it."""
    writing: str
    """The step that writing it is."""
    written: str
    """What is said afterwards, with {path} in it."""

    @abstractmethod
    def suggested(self) -> str:
        """Return the path that stands in the field at first."""

    @abstractmethod
    async def write(self, path: str) -> str:
        """Write the file, and return its absolute path; raises FileNotMade."""

    def fields(self) -> ComposeResult:
        yield Static(_(self.about), classes="quiet", markup=False)
        yield Field(_("File"), Input(self.suggested(), id="path", compact=True))

    def on_mount(self) -> None:
        self.query_one("#path").focus()

    def submit(self) -> None:
        path = as_path(self.typed("path"))
        if path:
            self.attempt(_(self.writing), partial(self.write, path), self._done)
        else:
            self.complain(_("Which file?"), "path")

    def _done(self, path: str) -> None:
        self.vaultui.say(_(self.written, path=place(path)))
        self.dismiss(None)
