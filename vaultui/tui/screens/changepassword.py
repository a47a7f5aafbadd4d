"""Changing the password of a vault, or how its key is derived, or both."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.choice import Choice, Choices
from vaultui.tui.widgets.derivationchoice import DerivationChoice
from vaultui.tui.widgets.form import Failure, Field
from vaultui.tui.widgets.keyfields import WITH_KEY_FILE, NewPassword, OpenedBy, as_path
from vaultui.tui.wording import shown
from vaultui.vaults import Derivation, KeysChanged, SlotInfo, VaultEntry, change_in_words


class ChangePasswordScreen(KeyForm[KeysChanged]):
    """Answers with how the keys are then."""

    go = N_("Change")
    keys = N_("Enter changes it  Esc cancels")

    def __init__(self, entry: VaultEntry, slots: Sequence[SlotInfo]) -> None:
        super().__init__(entry, slots, id="change-password")
        self._with_file = any(slot.kind in WITH_KEY_FILE for slot in slots)

    def title_text(self) -> str:
        return _("Change the password of {name}", name=shown(self.entry.name))

    def fields(self) -> ComposeResult:
        glyphs = self.vaultui.glyphs
        yield Static(_("The key as it is"), classes="heading", markup=False)
        yield self.opened_by()
        yield Static(_("As it shall be"), classes="heading", markup=False)
        stays = _("empty: it stays the same")
        with Vertical(classes="group"):
            yield NewPassword(glyphs, hint=stays)
            if self._with_file:
                yield Field(
                    _("Key file"), Input(placeholder=stays, id="new-key-file", compact=True)
                )
        choice = DerivationChoice(glyphs, keep=True, id="derivation")
        yield Choices([(_("Derived by"), choice)], told="derivation")
        yield Static(
            _("Old copies of the volume config still open with the old password."),
            classes="quiet",
            markup=False,
        )

    def on_mount(self) -> None:
        self.query_one(OpenedBy).focus_first()

    def submit(self) -> None:
        if not self.has_key():
            return
        new = self.query_one(NewPassword)
        keep = new.first.is_empty and new.again.is_empty
        complaint = None if keep else new.complaint()
        if complaint is not None:
            self.query_one(Failure).show(complaint)
            return
        derivation = Derivation(self.query_one("#derivation", Choice).value)
        file = as_path(self.typed("new-key-file")) if self._with_file else ""
        if keep and not file and derivation is Derivation.AS_IT_IS:
            self.complain(_("Nothing would change."), "password")
            return
        self.attempt(
            _("Changing the key"), lambda: self._change(keep, file, derivation), self._done
        )

    async def _change(self, keep: bool, file: str, derivation: Derivation) -> KeysChanged:
        keys = self.vaultui.vaults.keys
        opened_by, new = self.query_one(OpenedBy), self.query_one(NewPassword).first
        with opened_by.key() as key:
            if keep and not file:
                return await keys.convert(self.entry.name, key, derivation)
            # Another file alone: the password that is typed stays what it is.
            with (key.secret if keep else new).copy() as password:
                return await keys.change_password(
                    self.entry.name, key, password, derivation=derivation, new_key_file=file
                )

    def _done(self, changed: KeysChanged) -> None:
        words = _(
            "The key of {name} is changed. {change}",
            name=shown(self.entry.name),
            change=shown(change_in_words(changed)),
        )
        self.vaultui.live.key_changes += 1
        self.vaultui.say(words, severity="warning" if changed.problem else "information")
        self.dismiss(changed)
