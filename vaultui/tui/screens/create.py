"""Creating a vault: a directory, a password typed twice, and the master key shown once."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input, Static

from vaultui.model.errors import PasswordEmpty, PasswordMismatch, VaultuiError
from vaultui.model.secret import Secret
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure, Field
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.widgets.secrettext import SecretText
from vaultui.tui.wording import place, shown
from vaultui.vaults import Created, VaultEntry, parse_duration


class CreateScreen(Dialog[VaultEntry]):
    """Answers with the new entry, after the master key was shown."""

    def __init__(self) -> None:
        super().__init__(id="create")
        self._working = False

    def compose(self) -> ComposeResult:
        glyphs = self.vaultui.glyphs
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(box, "Create a vault", "Enter creates  Esc cancels")
            yield Static("An empty or new directory takes the encrypted files.", classes="quiet")
            yield Field(
                "Cipher dir", Input(placeholder="~/Sync/work.c", id="cipherdir", compact=True)
            )
            yield Field("Name", Input(placeholder="that of the directory", id="name", compact=True))
            yield Field(
                "Mount at", Input(placeholder="~/Vaults/NAME", id="mountpoint", compact=True)
            )
            yield Field(
                "Idle lock", Input(placeholder="never; or 15m, 1h30m", id="idle", compact=True)
            )
            yield Field("Password", SecretInput(glyphs, id="password"))
            yield Field("Again", SecretInput(glyphs, id="again"))
            yield Static(id="create-note", markup=False)
            yield Failure(glyphs)
            with Horizontal(classes="buttons"):
                yield Button("Create", variant="primary", id="go", compact=True)
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one("#create-note").display = False
        self.query_one("#cipherdir").focus()

    @on(SecretInput.Submitted)
    @on(Input.Submitted)
    @on(Button.Pressed, "#go")
    def _submit(self) -> None:
        if self._working:
            return
        failure = self.query_one(Failure)
        password = self.query_one("#password", SecretInput)
        again = self.query_one("#again", SecretInput)
        if not self._value("cipherdir"):
            failure.say("Which directory?")
            self.query_one("#cipherdir").focus()
            return
        try:
            idle = parse_duration(self._value("idle") or "never")
        except ValueError as error:
            failure.say(f"{str(error)[:1].upper()}{str(error)[1:]}.")
            self.query_one("#idle").focus()
            return
        if password.is_empty:
            failure.show(PasswordEmpty())
            password.focus()
            return
        if not password.equals(again):
            # Enter in the first of the two fields is no mistake: it goes on to the second.
            if not again.is_empty:
                failure.show(PasswordMismatch())
                again.wipe()
            again.focus()
            return
        again.wipe()
        self._create(password.take(), idle)

    @work(group="create", exclusive=True)
    async def _create(self, password: Secret, idle: float) -> None:
        self._begin(True)
        with password:
            try:
                created = await self.vaultui.vaults.create(
                    self._value("cipherdir"),
                    password,
                    name=self._value("name") or None,
                    mountpoint=self._value("mountpoint") or None,
                    idle_timeout_s=idle,
                )
            except VaultuiError as error:
                self._begin(False)
                self.query_one(Failure).show(error)
                self.query_one("#password").focus()
                return
        self.query_one(".dialog").display = False
        self.app.push_screen(MasterKeyScreen(created), lambda _: self.dismiss(created.entry))

    def _begin(self, working: bool) -> None:
        self._working = working
        note = self.query_one("#create-note", Static)
        note.update("Deriving the key and writing the volume config")
        note.display = working
        self.query_one(Failure).show(None)
        self.query_one("#go", Button).disabled = working

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()


class MasterKeyScreen(Dialog[None]):
    """Shows the master key of a new vault. It is wiped when this closes, and never shown again."""

    def __init__(self, created: Created) -> None:
        super().__init__(id="master-key")
        self._created = created

    def compose(self) -> ComposeResult:
        entry = self._created.entry
        glyphs = self.vaultui.glyphs
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(box, f"{shown(entry.name)} is made", "Esc closes without the check")
            yield Static(
                f"The encrypted files are in {place(entry.cipherdir)}.\n\n"
                "This is the master key. It opens the vault if the password or the volume config "
                "is lost. Write it down and keep it away from this machine: it is shown this once.",
                markup=False,
            )
            yield SecretText(glyphs, self._created.master_key, id="master-key-text")
            yield Field(
                "Last group", Input(placeholder="type it back to check", id="back", compact=True)
            )
            yield Failure(glyphs)
            with Horizontal(classes="buttons"):
                yield Button("I have it", variant="primary", id="go", compact=True)

    def on_mount(self) -> None:
        self.query_one("#back").focus()

    @on(Input.Submitted)
    @on(Button.Pressed)
    def _checked(self) -> None:
        typed = self.query_one("#back", Input).value
        if self.query_one(SecretText).ends_with(typed):
            self.vaultui.say("The master key was typed back correctly.")
            self.dismiss(None)
        else:
            self.query_one(Failure).say(
                "That is not the last group of digits. Esc closes without the check."
            )
            self.query_one("#back").focus()
