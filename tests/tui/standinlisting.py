"""The list of the stand-in's vaults, and its keyring, which behave as the real ones do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from vaultui.model.errors import AlreadyOpen, DeletionRefused, VaultExists
from vaultui.model.secret import Secret
from vaultui.vaults import (
    Created,
    Deleted,
    DeletionScope,
    Flavour,
    KeyringState,
    VaultEntry,
    check_name,
)

if TYPE_CHECKING:
    from standin import StandIn


class StandInKeyring:
    """What the application needs of `Vaults.keyring`."""

    def __init__(self, vaults: StandIn) -> None:
        self._vaults = vaults
        self.now = KeyringState(label="GNOME Keyring", usable=True)
        """Its state, which tests change."""

    async def state(self) -> KeyringState:
        return self.now

    async def find(self, name: str, timeout_s: float = 60.0) -> Secret | None:
        self._vaults.entry(name)
        await self._vaults.keyring_answers.wait()
        if self._vaults.keyring_error is not None:
            raise self._vaults.keyring_error
        saved = self._vaults.saved.get(name)
        return None if saved is None else Secret(bytearray(saved.encode()))

    async def save(self, name: str, password: Secret) -> KeyringState:
        with password.view as view:
            self._vaults.saved[name] = bytes(view).decode()
        return self.now

    async def forget(self, name: str) -> bool:
        self._vaults.entry(name)
        return self._vaults.saved.pop(name, None) is not None


class StandInListing:
    """What the application needs of `Vaults.listing`."""

    def __init__(self, vaults: StandIn) -> None:
        self._vaults = vaults

    async def add(
        self,
        cipherdir: str,
        *,
        name: str | None = None,
        mountpoint: str | None = None,
        idle_timeout_s: float | None = None,
        read_only: bool = False,
        config_path: str = "",
        reverse: bool = False,
        key_file: str = "",
    ) -> VaultEntry:
        self._vaults.fail()
        name = Path(cipherdir).stem if name is None else name
        check_name(name)
        for entry in self._vaults.entries():
            if entry.name == name:
                raise VaultExists(what="name", name=name, cipherdir=entry.cipherdir)
        return self._vaults.put(
            name,
            cipherdir=cipherdir,
            mountpoint=mountpoint or "",
            idle_timeout_s=idle_timeout_s or 0.0,
            reverse=reverse,
            key_file=key_file,
        )

    async def create(
        self,
        cipherdir: str,
        password: Secret,
        *,
        name: str | None = None,
        mountpoint: str | None = None,
        idle_timeout_s: float | None = None,
        flavour: Flavour | None = None,
        key_file: str = "",
    ) -> Created:
        entry = await self.add(
            cipherdir,
            name=name,
            mountpoint=mountpoint,
            idle_timeout_s=idle_timeout_s,
            key_file=key_file,
        )
        self._vaults.flavours[entry.name] = flavour or Flavour()
        with password.view as view:
            self._vaults.passwords[entry.name] = bytes(view).decode()
        return Created(entry, Secret(bytearray(range(32))))

    def remember_key_file(self, name: str, path: str) -> None:
        self._vaults.replace(dataclasses.replace(self._vaults.entry(name), key_file=path))

    def discover(self) -> list[Path]:
        return list(self._vaults.found)


class StandInRemoval:
    """What the application needs of `Vaults.removal`."""

    def __init__(self, vaults: StandIn) -> None:
        self._vaults = vaults
        self.extents = DeletionScope(entries=1204, bytes=412 << 20)
        """What a vault has, which tests change."""

    async def forget(self, name: str) -> VaultEntry:
        status = self._vaults.status_of(name)
        if status.mounted:
            raise AlreadyOpen(name=name)
        self._vaults.fail()
        self._vaults.drop(status.entry)
        return status.entry

    async def survey(self, name: str) -> DeletionScope:
        if self._vaults.status_of(name).mounted:
            raise AlreadyOpen(name=name)
        self._vaults.fail()
        return self.extents

    async def delete(
        self, name: str, typed: str, on_progress: Callable[[int], None] = lambda _entries: None
    ) -> Deleted:
        if typed != name:
            raise DeletionRefused(name=name, reason="what was typed is not its name")
        self._vaults.calls.append(f"delete {name}")
        on_progress(self.extents.entries)
        entry = await self.forget(name)
        return Deleted(entry, self.extents, self._vaults.saved.pop(name, None) is not None)
