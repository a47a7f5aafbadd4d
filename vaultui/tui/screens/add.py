"""Adding a vault that exists: its cipher directory, and what to call it."""

from __future__ import annotations

import asyncio

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure, Field, Tick
from vaultui.tui.wording import place, sentence
from vaultui.vaults import VaultEntry, parse_duration


class AddScreen(Dialog[VaultEntry]):
    """Answers with the new entry. Directories found on this machine complete what is typed."""

    def __init__(self, cipherdir: str = "") -> None:
        super().__init__(id="add")
        self._cipherdir = cipherdir

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(box, _("Add a vault"), _("Enter adds  Esc cancels"))
            yield Static(_("A directory that gocryptfs or vaultui made."), classes="quiet")
            yield Field(
                _("Cipher dir"),
                Input(self._cipherdir, placeholder="~/Sync/work.c", id="cipherdir", compact=True),
            )
            yield Static(id="found-note", classes="quiet indented", markup=False)
            yield Field(
                _("Name"), Input(placeholder=_("that of the directory"), id="name", compact=True)
            )
            yield Field(
                _("Mount at"), Input(placeholder="~/Vaults/NAME", id="mountpoint", compact=True)
            )
            yield Field(
                _("Idle lock"),
                Input(placeholder=_("never; or 15m, 1h30m"), id="idle", compact=True),
            )
            yield Tick("Read-only", id="read-only")
            yield Failure(self.vaultui.glyphs)
            with Horizontal(classes="buttons"):
                yield Button(_("Add"), variant="primary", id="go", compact=True)
                yield Button(_("Cancel"), id="cancel", compact=True)

    def on_mount(self) -> None:
        self.query_one("#found-note").display = False
        self.query_one("#name" if self._cipherdir else "#cipherdir").focus()
        self._discover()

    @work(group="discover")
    async def _discover(self) -> None:
        found = await asyncio.to_thread(self.vaultui.vaults.listing.discover)
        if not found or self._cipherdir:
            return
        names = [str(path) for path in found]
        self.query_one("#cipherdir", Input).suggester = SuggestFromList(
            [*names, *(place(name) for name in names)]
        )
        note = self.query_one("#found-note", Static)
        note.update("Found: " + ", ".join(place(name) for name in names[:3]))
        note.display = True

    @on(Input.Submitted)
    @on(Tick.Submitted)
    @on(Button.Pressed, "#go")
    def _submit(self) -> None:
        failure = self.query_one(Failure)
        try:
            idle = parse_duration(self._value("idle") or "never")
        except ValueError as error:
            failure.say(sentence(_(error.args[0])))
            self.query_one("#idle").focus()
            return
        cipherdir = self._value("cipherdir")
        if not cipherdir:
            failure.say(_("Which directory?"))
            self.query_one("#cipherdir").focus()
            return
        self._add(cipherdir, idle)

    @work(group="add", exclusive=True)
    async def _add(self, cipherdir: str, idle: float) -> None:
        try:
            entry = await self.vaultui.vaults.listing.add(
                cipherdir,
                name=self._value("name") or None,
                mountpoint=self._value("mountpoint") or None,
                idle_timeout_s=idle,
                read_only=self.query_one("#read-only", Tick).value,
            )
        except VaultuiError as error:
            self.query_one(Failure).show(error)
            return
        self.dismiss(entry)

    def _value(self, field: str) -> str:
        return self.query_one(f"#{field}", Input).value.strip()

    @on(Button.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_cancel()
