"""Giving a vault one key more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.choice import Choice, Choices, Option
from vaultui.tui.widgets.derivationchoice import DerivationChoice, usual
from vaultui.tui.widgets.form import Failure, Field, Tick
from vaultui.tui.widgets.keyfields import WITH_KEY_FILE, NewPassword, OpenedBy, as_path
from vaultui.tui.wording import shown
from vaultui.vaults import (
    Derivation,
    KeyAdded,
    NewKey,
    SlotInfo,
    SlotKind,
    VaultEntry,
    kind_in_words,
    new_key_file,
)

_KINDS = {
    SlotKind.PASSWORD: N_("Opens the vault by itself, like the first one."),
    SlotKind.KEY_FILE: N_(
        "Whoever has the file opens the vault: keep it on a stick, not beside it."
    ),
    SlotKind.PASSWORD_AND_KEY_FILE: N_("Neither of the two opens the vault without the other."),
}
_RECOVERY = N_(
    "A recovery key opens the vault by itself, when the password is forgotten or a key "
    "file is lost. It is made here, and shown once."
)


class AddKeyScreen(KeyForm[KeyAdded]):
    """Answers with the key, after it was added."""

    go = N_("Add")

    def __init__(
        self, entry: VaultEntry, slots: Sequence[SlotInfo], *, recovery: bool = False
    ) -> None:
        super().__init__(entry, slots, id="add-key")
        self._recovery = recovery
        if recovery:
            self.go = N_("Make it")

    def title_text(self) -> str:
        name = shown(self.entry.name)
        return (
            _("A recovery key for {name}", name=name)
            if self._recovery
            else _("Another key for {name}", name=name)
        )

    def fields(self) -> ComposeResult:
        glyphs = self.vaultui.glyphs
        if self._recovery:
            yield Static(_(_RECOVERY), classes="quiet", markup=False)
        yield Static(_("What opens it now"), classes="heading", markup=False)
        yield self.opened_by()
        if self._recovery:
            with Vertical(classes="group"):
                yield self._label(_("where it is kept: in the safe"))
            return
        yield Static(_("What shall open it too"), classes="heading", markup=False)
        kinds = [Option(kind.value, kind_in_words(kind), _(note)) for kind, note in _KINDS.items()]
        yield Choices(
            [
                (_("Kind"), Choice(glyphs, kinds, id="kind")),
                (_("Derived by"), DerivationChoice(glyphs, usual(self.slots), id="derivation")),
            ],
            told="kind",
        )
        with Vertical(classes="group"):
            yield NewPassword(glyphs)
            example = _("/media/stick/work.key, any file of yours")
            file = Input(placeholder=example, id="new-key-file", compact=True)
            yield Field(_("Key file"), file)
            yield Tick(_("Make this file now, of random bytes"), id="make-file")
            yield self._label(_("whose it is, or where: laptop"))

    def _label(self, placeholder: str) -> Field:
        field = Input(placeholder=placeholder, id="label", max_length=64, compact=True)
        return Field(_("Label"), field)

    def on_mount(self) -> None:
        self._kind_chosen()
        self.query_one(OpenedBy).focus_first()

    @on(Choice.Changed, "#kind")
    def _kind_chosen(self) -> None:
        if self._recovery:
            return
        kind = self._kind
        self.query_one(NewPassword).display = kind is not SlotKind.KEY_FILE
        with_file = kind.value in WITH_KEY_FILE
        self.query_one("#new-key-file-field").display = with_file
        self.query_one("#make-file").display = with_file

    @property
    def _kind(self) -> SlotKind:
        if self._recovery:
            return SlotKind.RECOVERY_KEY
        return SlotKind(self.query_one("#kind", Choice).value)

    def submit(self) -> None:
        if not self.has_key():
            return
        kind = self._kind
        with_password = kind in (SlotKind.PASSWORD, SlotKind.PASSWORD_AND_KEY_FILE)
        if with_password:
            complaint = self.query_one(NewPassword).complaint()
            if complaint is not None:
                self.query_one(Failure).show(complaint)
                return
        file = self.typed("new-key-file") if kind.value in WITH_KEY_FILE else ""
        if kind.value in WITH_KEY_FILE and not file:
            self.complain(_("Which file?"), "new-key-file")
            return
        self.attempt(
            _("Adding the key"), lambda: self._add(kind, with_password, file), self.dismiss
        )

    async def _add(self, kind: SlotKind, with_password: bool, file: str) -> KeyAdded:
        with ExitStack() as stack:
            password, derivation = None, Derivation.AS_IT_IS
            if with_password:
                password = stack.enter_context(self.query_one(NewPassword).first.copy())
            if kind is not SlotKind.RECOVERY_KEY:
                derivation = Derivation(self.query_one("#derivation", Choice).value)
            path = as_path(file)
            if file and self.query_one("#make-file", Tick).value:
                # A stick takes its time; and the file goes again if the key is not added.
                path = await asyncio.to_thread(stack.enter_context, new_key_file(path))
            new = NewKey(kind, password, path, self.typed("label"), derivation)
            key = stack.enter_context(self.query_one(OpenedBy).key())
            return await self.vaultui.vaults.keys.add(self.entry.name, key, new)

    def failed(self, error: VaultuiError) -> None:
        path = str(getattr(error, "details", {}).get("path", ""))
        fields = list(self.query("#new-key-file").results(Input))
        if fields and path and path == as_path(fields[0].value.strip()):
            self.query_one(Failure).show(error)
            fields[0].focus()
        else:
            super().failed(error)
