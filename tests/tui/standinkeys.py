"""The keys of the stand-in's vaults, which behave towards a caller as the real ones do."""

from __future__ import annotations

import asyncio
import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vaultui.model.errors import (
    KeySlotStillNeeded,
    LastKeySlot,
    PasswordIncorrect,
    RecoveryKeyIncorrect,
    RecoveryKeyMistyped,
    VaultuiError,
)
from vaultui.model.secret import Secret
from vaultui.vaults import (
    TOKEN_KIND,
    Calibrated,
    Compatibility,
    Derivation,
    Key,
    KeyAdded,
    KeysChanged,
    NewKey,
    RecoveryKey,
    SavedPassword,
    SlotInfo,
    SlotKind,
    SlotOpened,
    VolumeInfo,
    slots_of,
)

if TYPE_CHECKING:
    from standin import StandIn

MADE = 1_700_000_000
SCRYPT = "scrypt N=65536 r=8 p=1"
ARGON2ID = "argon2id m=524288KiB t=3 p=4"
RECOVERY_TEXT = "-".join(f"{letter}2K7Q" for letter in "0123456789ABC")
"""Shaped as a recovery key is; the check characters are not those of a real one."""
_SIDE = 33
_PLAIN = SlotInfo("", "password", SCRYPT, created=0, label="")


@dataclass
class _Held:
    """A key as somebody holds it: what is typed, and the file that goes with it."""

    slot: SlotInfo
    typed: str
    file: str = ""


class StandInKeys:
    """What the application needs of `Vaults.keys`."""

    def __init__(self, vaults: StandIn) -> None:
        self._vaults = vaults
        self._held: dict[str, list[_Held]] = {}
        self.saved = SavedPassword.UNTOUCHED
        """What the next change does to the saved password."""
        self.derive = asyncio.Event()
        """Cleared by a test: whatever takes a key waits."""
        self.derive.set()
        self.cancelled: list[str] = []
        self.refused: VaultuiError | None = None
        """Raised by the next attempt to add a key."""
        self.argon2id = ARGON2ID
        """Empty for a machine without memory for it."""
        self.unmeasured: VaultuiError | None = None

    def put(self, name: str, kind: str, typed: str, *, file: str = "", label: str = "",
            derivation: str = ARGON2ID) -> SlotInfo:  # fmt: skip
        """Give a vault a key more, and key slots with it."""
        held = self._of(name)
        if not held[0].slot.id:
            held[0].slot = dataclasses.replace(_PLAIN, id=f"{0:032x}", created=MADE)
        slot = SlotInfo(f"{len(held):032x}", kind, derivation, MADE, label)
        held.append(_Held(slot, typed, file))
        return slot

    def make_token(self, name: str, pin: str) -> None:
        """Have a FIDO2 token open a vault, as gocryptfs makes them."""
        self._held[name] = [_Held(dataclasses.replace(_PLAIN, kind=TOKEN_KIND), pin)]

    def has_token(self, name: str) -> bool:
        return self._of(name)[0].slot.kind == TOKEN_KIND

    def _of(self, name: str) -> list[_Held]:
        self._vaults.entry(name)
        return self._held.setdefault(name, [_Held(_PLAIN, self._vaults.passwords[name])])

    def described(self, name: str, info: VolumeInfo) -> VolumeInfo:
        """Return `info` with the keys in it, where they are key slots."""
        if self.has_token(name):
            return dataclasses.replace(info, feature_flags=(*info.feature_flags, "FIDO2"))
        slots = tuple(held.slot for held in self._of(name))
        return dataclasses.replace(info, slots=slots) if slots[0].id else info

    async def slots(self, name: str) -> tuple[SlotInfo, ...]:
        return slots_of(await self._vaults.volume.info(name))

    async def verify(self, name: str, key: Key) -> SlotOpened:
        return SlotOpened((await self._opened_by(name, key)).slot, 0.9)

    async def verify_recovery(self, name: str, recovery_key: Secret) -> SlotOpened:
        try:
            opened = await self.verify(name, Key(recovery_key, key_file=""))
        except PasswordIncorrect as error:
            raise RecoveryKeyIncorrect(name=name) from error
        if opened.slot.kind != SlotKind.RECOVERY_KEY:
            raise RecoveryKeyIncorrect(name=name)
        return opened

    async def _opened_by(self, name: str, key: Key) -> _Held:
        try:
            await self.derive.wait()
        except asyncio.CancelledError:
            self.cancelled.append(name)
            raise
        self._vaults.fail()
        entry = self._vaults.entry(name)
        file = entry.key_file if key.key_file is None else key.key_file
        typed = text(key.secret)
        if typed.startswith(RECOVERY_TEXT[:6]) and typed != RECOVERY_TEXT:
            raise RecoveryKeyMistyped(where=" in group 13", reason="a character is wrong there")
        for held in self._of(name):
            if held.typed == typed and held.file in ("", file):
                return held
        raise PasswordIncorrect

    async def add(self, name: str, key: Key, new: NewKey) -> KeyAdded:
        await self._opened_by(name, key)
        if self.refused is not None:
            raise self.refused
        plain = not self._of(name)[0].slot.id
        typed = RECOVERY_TEXT if new.kind is SlotKind.RECOVERY_KEY else text(new.password)
        derivation = SCRYPT if new.derivation is Derivation.SCRYPT else ARGON2ID
        slot = self.put(name, new.kind.value, typed, file=new.key_file, label=new.label,
                        derivation=derivation)  # fmt: skip
        recovery_key = None
        if new.kind is SlotKind.RECOVERY_KEY:
            modules = bytearray((row * column + row) % 3 == 0 for row in range(_SIDE)
                                for column in range(_SIDE))  # fmt: skip
            recovery_key = RecoveryKey(Secret(bytearray(RECOVERY_TEXT.encode())), Secret(modules))
        change = Compatibility.LOST if plain else Compatibility.UNCHANGED
        return KeyAdded(slot, len(self._of(name)), change, recovery_key)

    async def remove(self, name: str, key: Key, slot: SlotInfo) -> KeysChanged:
        held = self._of(name)
        if len(held) == 1:
            raise LastKeySlot
        if (await self._opened_by(name, key)).slot == slot:
            raise KeySlotStillNeeded
        held[:] = [other for other in held if other.slot != slot]
        return self._changed(name)

    async def change_password(
        self,
        name: str,
        key: Key,
        new: Secret,
        *,
        derivation: Derivation = Derivation.AS_IT_IS,
        new_key_file: str = "",
    ) -> KeysChanged:
        held = await self._opened_by(name, key)
        held.typed = text(new)
        held.file = new_key_file or held.file
        return await self._derive(name, held, derivation)

    async def convert(self, name: str, key: Key, derivation: Derivation) -> KeysChanged:
        return await self._derive(name, await self._opened_by(name, key), derivation)

    async def _derive(self, name: str, held: _Held, derivation: Derivation) -> KeysChanged:
        if derivation is not Derivation.AS_IT_IS:
            words = ARGON2ID if derivation is Derivation.ARGON2ID else SCRYPT
            held.slot = dataclasses.replace(
                held.slot, id=f"{0:032x}", created=MADE, key_derivation=words
            )
        return self._changed(name)

    def _changed(self, name: str) -> KeysChanged:
        slots = tuple(held.slot for held in self._of(name))
        return KeysChanged(slots, Compatibility.UNCHANGED, self.saved)

    async def calibrate(self) -> Calibrated:
        if self.unmeasured is not None:
            raise self.unmeasured
        return Calibrated(SCRYPT, 0.24, self.argon2id, 1.03)


def text(secret: Secret | None) -> str:
    if secret is None:
        return ""
    with secret.view as view:
        return bytes(view).decode()
