"""The use cases about the keyring of the desktop, which keeps passwords of vaults."""

from __future__ import annotations

from typing import Final

from vaultui.model.secret import Secret
from vaultui.vaults import keyringclient
from vaultui.vaults.outcomes import KeyringState
from vaultui.vaults.registry import Registry

_TIMEOUT_S: Final = 60.0
"""Long enough for a person to type the keyring's own password."""


class Keyring:
    """Finds, saves and deletes passwords; what they are of is looked up by the vault's name.

    Raises KeyringUnavailable, KeyringLocked or KeyringTimeout.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def state(self) -> KeyringState:
        """Return which keyring there is and whether it can be used."""
        return await keyringclient.state()

    async def find(self, name: str, timeout_s: float = _TIMEOUT_S) -> Secret | None:
        """Return the saved password, or None when none is saved; the caller wipes it."""
        return await keyringclient.find(self._registry.entry(name), timeout_s)

    async def save(self, name: str, password: Secret) -> KeyringState:
        """Save a password, have it read back, and return where it is kept."""
        return await keyringclient.save(self._registry.entry(name), password, _TIMEOUT_S)

    async def forget(self, name: str) -> bool:
        """Delete a saved password; False when there was none."""
        return await keyringclient.forget(self._registry.entry(name), _TIMEOUT_S)
