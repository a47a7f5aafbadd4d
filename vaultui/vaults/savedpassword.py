"""What becomes of the password in the keyring when the keys of its vault change."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final

from vaultui.format.keyslots import SlotKind
from vaultui.model.errors import KeyFileNeeded, PasswordIncorrect
from vaultui.model.secret import Secret
from vaultui.vaults import keyringclient, volumecommands
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.key import Key
from vaultui.wire.oneshot import SlotInfo

_KEYRING_TIMEOUT_S: Final = 60.0


class SavedPassword(Enum):
    UNTOUCHED = "untouched"
    """None is saved, or the saved one still opens the vault."""
    REPLACED = "replaced"
    DELETED = "deleted"
    STALE = "stale"
    """It opens nothing any more, and the keyring did not let it be replaced or deleted."""


async def mend(
    entry: VaultEntry, slots: Sequence[SlotInfo], key_file: str | None, new: Secret | None
) -> SavedPassword:
    """Replace a saved password that opens nothing any more by `new`, or delete it without one.

    `slots` are the keys as they are now, and `key_file` is that of the key which was given
    for the change: the saved password may go with it. Raises what the keyring does.
    """
    if not keyringclient.session_bus():
        return SavedPassword.UNTOUCHED  # nothing was ever saved from here
    saved = await keyringclient.find(entry, _KEYRING_TIMEOUT_S)
    if saved is None:
        return SavedPassword.UNTOUCHED
    with saved:
        if await _opens(entry, slots, saved, key_file):
            return SavedPassword.UNTOUCHED
    if new is None:
        await keyringclient.forget(entry, _KEYRING_TIMEOUT_S)
        return SavedPassword.DELETED
    await keyringclient.save(entry, new, _KEYRING_TIMEOUT_S)
    return SavedPassword.REPLACED


async def _opens(
    entry: VaultEntry, slots: Sequence[SlotInfo], password: Secret, key_file: str | None
) -> bool:
    """Return whether a password opens the vault, alone or together with the key file.

    True too where that file is not known: a password is not deleted on suspicion.
    """
    if await _is_key(entry, Key(password, key_file="")):
        return True
    if not any(slot.kind == SlotKind.PASSWORD_AND_KEY_FILE for slot in slots):
        return False
    path = entry.key_file if key_file is None else key_file
    return not path or await _is_key(entry, Key(password, path))


async def _is_key(entry: VaultEntry, key: Key) -> bool:
    try:
        await volumecommands.verify(entry, key)
    except (PasswordIncorrect, KeyFileNeeded):
        return False
    return True
