"""Asking for the key of a vault, for what leaves this screen before it needs it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.vaults import Key, VaultEntry


class AskKeyScreen(KeyForm[Key]):
    """Answers with a key, which whoever takes it wipes."""

    go = N_("Go on")

    def __init__(
        self, entry: VaultEntry, title: str, note: str, error: VaultuiError | None = None
    ) -> None:
        """Take what it is for, and what was wrong with the key before, if there was one."""
        super().__init__(entry, id="ask-key")
        self._title = title
        self._note = note
        self._error = error

    def title_text(self) -> str:
        return self._title

    def fields(self) -> ComposeResult:
        yield Static(self._note, classes="quiet", markup=False)
        yield self.opened_by()

    def on_mount(self) -> None:
        self.query_one(OpenedBy).focus_first()
        if self._error is None:
            self.look_for_key(self.dismiss)
        else:
            self.call_next(self.failed, self._error)  # when the form is there

    def submit(self) -> None:
        if self.has_key():
            self.dismiss(self.query_one(OpenedBy).key())
