"""Forgetting a vault: off the list, with its files left alone."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure, Tick
from vaultui.tui.wording import place, shown
from vaultui.vaults import VaultEntry


class ForgetScreen(Dialog[None]):
    """Asks, and offers to drop the saved password too."""

    def __init__(self, entry: VaultEntry) -> None:
        super().__init__(id="forget")
        self._entry = entry

    def compose(self) -> ComposeResult:
        keyring = self.vaultui.keyring
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(
                box,
                _("Forget {name}", name=shown(self._entry.name)),
                _("Enter chooses  Esc cancels"),
            )
            yield Static(
                _(
                    "{name} leaves the list. Its encrypted files stay in {cipherdir} and can be "
                    "added again.",
                    name=shown(self._entry.name),
                    cipherdir=place(self._entry.cipherdir),
                ),
                markup=False,
            )
            if keyring is not None and keyring.usable:
                label = shown(keyring.label)
                yield Tick(_("Delete its password from {label}", label=label), id="password")
            yield Failure(self.vaultui.glyphs)
            with Horizontal(classes="buttons"):
                yield Button(_("Forget"), variant="error", id="yes", compact=True)
                yield Button(_("Cancel"), id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    @on(Button.Pressed, "#no")
    def _cancelled(self) -> None:
        self.dismiss(None)

    @on(Tick.Submitted)
    def _chosen(self) -> None:
        # What cannot be undone is done by its button alone.
        self.query_one(Tick).toggle()

    @on(Button.Pressed, "#yes")
    def _confirmed(self) -> None:
        self._forget()

    @work(group="forget", exclusive=True)
    async def _forget(self) -> None:
        box = self.query("#password").results(Tick)
        drop_password = any(checkbox.value for checkbox in box)
        try:
            # The password first: its place in the keyring is found through the entry.
            if drop_password:
                await self.vaultui.vaults.keyring.forget(self._entry.name)
            await self.vaultui.vaults.removal.forget(self._entry.name)
        except VaultuiError as error:
            self.query_one(Failure).show(error)
            return
        self.vaultui.say(
            _("{name} is off the list; its files are untouched.", name=shown(self._entry.name))
        )
        await self.vaultui.live.refresh()
        self.dismiss(None)
