"""The master key of a new vault, shown once."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from vaultui.model.language import _
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure, Field
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.widgets.secrettext import MasterKeyText
from vaultui.tui.wording import place, shown
from vaultui.vaults import Created


class MasterKeyScreen(Dialog[None]):
    """Shows the master key of a new vault. It is wiped when this closes, and never shown again."""

    def __init__(self, created: Created) -> None:
        super().__init__(id="master-key")
        self._created = created

    def compose(self) -> ComposeResult:
        entry = self._created.entry
        glyphs = self.vaultui.glyphs
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(
                box, _("{name} is made", name=shown(entry.name)), _("Esc closes without the check")
            )
            yield Static(
                _(
                    "The encrypted files are in {cipherdir}.\n\nThis is the master key. It opens "
                    "the vault if the password or the volume config is lost. Write it down and "
                    "keep it away from this machine: it is shown this once.",
                    cipherdir=place(entry.cipherdir),
                ),
                markup=False,
            )
            yield Static(
                _("A copy of the volume config spares you from needing it: v in the list, then x."),
                classes="quiet",
                markup=False,
            )
            yield MasterKeyText(glyphs, self._created.master_key, id="master-key-text")
            yield Field(_("Last group"), SecretInput(glyphs, _("type it back to check"), id="back"))
            yield Failure(glyphs)
            with Horizontal(classes="buttons"):
                yield Button(_("I have it"), variant="primary", id="go", compact=True)

    def on_mount(self) -> None:
        back = self.query_one(SecretInput)
        back.action_reveal()
        back.focus()

    @on(SecretInput.Submitted)
    @on(Button.Pressed)
    def _checked(self) -> None:
        back = self.query_one(SecretInput)
        with back.copy() as typed:
            right = self.query_one(MasterKeyText).ends_with(typed)
        if right:
            self.vaultui.say(_("The master key was typed back correctly."))
            self.dismiss(None)
        else:
            self.query_one(Failure).say(
                _("That is not the last group of digits. Esc closes without the check.")
            )
            back.focus()
