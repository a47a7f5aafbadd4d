"""What the forms about keys have in common: the key that opens the vault now."""

from __future__ import annotations

from collections.abc import Sequence

from vaultui.model.errors import PasswordEmpty, VaultuiError
from vaultui.tui.screens.dialog import Answer
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Failure
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.vaults import SlotInfo, VaultEntry


class KeyForm(FormScreen[Answer]):
    """A form about the keys of one vault. A wrong key leaves all else as it was typed."""

    def __init__(
        self,
        entry: VaultEntry,
        slots: Sequence[SlotInfo],
        *,
        id: str,  # noqa: A002 - Textual's name for it
    ) -> None:
        """Take the vault, and its keys."""
        super().__init__(id=id)
        self.entry = entry
        self.slots = slots

    def opened_by(self) -> OpenedBy:
        """Return the fields for the key that opens the vault now."""
        return OpenedBy(self.vaultui.glyphs, self.entry, self.slots)

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
