"""The volumes of the stand-in's vaults, which behave towards a caller as the real ones do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from vaultui.model.errors import CipherdirMissing
from vaultui.model.secret import Secret
from vaultui.model.states import VaultState
from vaultui.vaults import (
    Checked,
    CheckMessage,
    CheckProgress,
    ConflictCopy,
    Conflicts,
    Damage,
    Drilled,
    DrillStep,
    Extent,
    Key,
    PathAnswer,
    VolumeInfo,
)

if TYPE_CHECKING:
    from standin import StandIn

INFO = VolumeInfo(
    creator="gocryptfs 2.4.0",
    feature_flags=("HKDF", "GCMIV128", "DirIV", "EMENames", "LongNames", "Raw64"),
    content="AES-256-GCM",
    names="EME",
    key_derivation="scrypt N=65536 r=8 p=1",
    encrypted_key_bytes=64,
    salt_bytes=32,
    scrypt_n=65536,
    scrypt_r=8,
    scrypt_p=1,
    scrypt_key_bytes=32,
)


class StandInVolume:
    """What the application needs of `Vaults.volume`."""

    def __init__(self, vaults: StandIn) -> None:
        self._vaults = vaults
        self.damages: dict[str, tuple[Damage, ...]] = {}
        """What a check finds, by the name of the vault."""
        self.extents: dict[str, Extent] = {}
        self.reading = asyncio.Event()
        """Cleared by a test: a check stays with its first file."""
        self.reading.set()
        self.infos: dict[str, VolumeInfo] = {}
        """What is not the default volume, by the name of the vault."""
        self.conflict_copies: dict[str, tuple[ConflictCopy, ...]] = {}

    async def path(self, name: str, path: str) -> PathAnswer:
        self._vaults.needs_open(name)
        if path == "nothing":
            return PathAnswer("", "", error="There is no such path.")
        return PathAnswer(
            plain=path, cipher="/".join("5hZ" + part[::-1] for part in path.split("/"))
        )

    async def conflicts(self, name: str) -> Conflicts:
        self._vaults.needs_open(name)
        copies = self.conflict_copies.get(name, ())
        return Conflicts(copies, len(copies))

    async def info(self, name: str) -> VolumeInfo:
        if self._vaults.status_of(name).state is VaultState.MISSING:
            raise CipherdirMissing(path=self._vaults.status_of(name).entry.cipherdir)
        return self._vaults.keys.described(name, self.infos.get(name, INFO))

    async def extent(self, name: str) -> Extent:
        self._vaults.status_of(name)
        return self.extents.get(name, Extent(3, 4096))

    async def check(
        self, name: str, key: Key, on_message: Callable[[CheckMessage], None] | None = None
    ) -> Checked:
        self._vaults.calls.append(f"check {name}")
        self._vaults.fail()
        await self._vaults.keys.verify(name, key)
        tell = on_message or (lambda _message: None)
        tell(CheckProgress(1, 2048, "letters/ada.txt"))
        damages = self.damages.get(name, ())
        for damage in damages:
            tell(damage)
        try:
            await self.reading.wait()
        except asyncio.CancelledError:
            self._vaults.cancelled.append(name)
            raise
        return Checked(3, 4096, len(damages), 0)

    async def drill(
        self,
        name: str,
        recovery_key: Secret,
        on_step: Callable[[DrillStep], None] = lambda _step: None,
    ) -> Drilled:
        opened = await self._vaults.keys.verify_recovery(name, recovery_key)
        if self._vaults.status_of(name).mounted:
            return Drilled(opened, rehearsed=False)
        for step in DrillStep:
            on_step(step)
        return Drilled(opened, True, files=3, bytes=300)
