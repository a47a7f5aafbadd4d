"""What the forms about keys have in common: the key that opens the vault now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import work

from vaultui.model.errors import PasswordEmpty, VaultuiError
from vaultui.tui.screens.dialog import Answer
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Failure
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.vaults import Key, SlotInfo, VaultEntry


class KeyForm(FormScreen[Answer]):
    """A form about the keys of one vault. A wrong key leaves all else as it was typed."""

    def __init__(
        self,
        entry: VaultEntry,
        slots: Sequence[SlotInfo] = (),
        *,
        id: str,  # noqa: A002 - Textual's name for it
    ) -> None:
        """Take the vault, and its keys where they are known."""
        super().__init__(id=id)
        self.entry = entry
        self.slots = slots

    def opened_by(self) -> OpenedBy:
        """Return the fields for the key that opens the vault now."""
        return OpenedBy(self.vaultui.glyphs, self.entry, self.slots)

    @work(group="keys")
    async def look_for_key(self, begin: Callable[[Key], None]) -> None:
        """Ask for a key file or a PIN where the vault has such a key; else try the saved one.

        The keyring is asked beside the form. `begin` is called with the password that it has,
        unless the person was faster.
        """
        opened_by = self.query_one(OpenedBy)
        try:
            opened_by.told(await self.vaultui.vaults.keys.slots(self.entry.name))
        except VaultuiError as error:
            self.query_one(Failure).show(error)
            return
        keyring = self.vaultui.keyring
        if keyring is None or not keyring.usable or opened_by.with_token:
            return
        try:
            password = await self.vaultui.vaults.keyring.find(self.entry.name)
        except VaultuiError:
            return  # it is typed, then
        if password is None:
            return
        if self.working or not opened_by.is_empty:
            password.wipe()
            return
        begin(Key(password))

    def has_key(self) -> bool:
        """Return whether a key was filled in; if none was, that is said."""
        opened_by = self.query_one(OpenedBy)
        if opened_by.is_empty:
            self.query_one(Failure).show(PasswordEmpty())
            opened_by.focus_first()
        return not opened_by.is_empty

    def failed(self, error: VaultuiError) -> None:
        super().failed(error)
        self.query_one(OpenedBy).blame(error)
