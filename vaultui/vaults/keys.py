"""The use cases about what opens a vault: its keys are listed, tried, added, changed, removed.

A volume in gocryptfs's own format has one password under scrypt. More keys, or another
kind, make one with key slots, which gocryptfs refuses by name; back at that one password it
is in the plain format again. The backend does all of it: no key is derived here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from enum import Enum

from vaultui.format.keyslots import SlotKind
from vaultui.model.errors import (
    KeyFileNeeded,
    KeySlotUnknown,
    PasswordIncorrect,
    RecoveryKeyIncorrect,
    UsageError,
    VaultuiError,
)
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.supervisor.oneshot import run_oneshot
from vaultui.vaults import savedpassword, volumecommands
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.key import Derivation, Key, NewKey, with_key_file
from vaultui.vaults.paths import absolute
from vaultui.vaults.placetext import path_to_text
from vaultui.vaults.registry import Registry
from vaultui.vaults.savedpassword import SavedPassword
from vaultui.vaults.tokenkind import has_token
from vaultui.vaults.waiting import in_thread
from vaultui.wire.oneshot import (
    TOKEN_KIND,
    Calibrated,
    CalibrateSpec,
    PasswdSpec,
    SlotAdded,
    SlotAddSpec,
    SlotInfo,
    SlotOpened,
    SlotRemoveSpec,
    VolumeInfo,
)

_SCRYPT_LOGN = 16
_ID_PREFIX = 4
"""Fewer characters of an ID would be mistaken for a number."""
_WITH_FILE = (SlotKind.KEY_FILE, SlotKind.PASSWORD_AND_KEY_FILE)


class Compatibility(Enum):
    """What a change means for gocryptfs, and every other program that reads its format."""

    UNCHANGED = "unchanged"
    LOST = "lost"
    """It opened the volume before, and refuses it now."""
    REGAINED = "regained"


@dataclass(frozen=True)
class RecoveryKey:
    """A new recovery key, to be shown once and wiped by whoever showed it."""

    text: Secret = field(repr=False)
    """13 groups of 5 characters, with dashes between them; ASCII."""
    qr: Secret = field(repr=False)
    """Its QR code: a square, a byte for each module, 1 for a dark one, without quiet zone."""

    def wipe(self) -> None:
        self.text.wipe()
        self.qr.wipe()


@dataclass(frozen=True)
class KeyAdded:
    slot: SlotInfo
    number: int
    """As in the list of the keys, from 1."""
    compatibility: Compatibility
    recovery_key: RecoveryKey | None = None
    """Of that kind alone."""


@dataclass(frozen=True)
class KeysChanged:
    """How keys are after one was changed or removed."""

    slots: tuple[SlotInfo, ...]
    compatibility: Compatibility
    saved: SavedPassword
    problem: VaultuiError | None = None
    """Why the saved password is stale."""


def slots_of(info: VolumeInfo) -> tuple[SlotInfo, ...]:
    """Return the keys of a volume; the one of the plain format has no ID, and no date (0)."""
    if info.slots:
        return info.slots
    kind = TOKEN_KIND if "FIDO2" in info.feature_flags else SlotKind.PASSWORD.value
    return (SlotInfo("", kind, info.key_derivation, created=0, label=""),)


def gocryptfs_opens(info: VolumeInfo) -> bool:
    """Return whether the volume is in the format that gocryptfs knows."""
    return not info.slots


def find_slot(slots: tuple[SlotInfo, ...], which: str) -> tuple[int, SlotInfo]:
    """Return number and slot that a person means by a number, a label, or the start of an ID.

    Raises KeySlotUnknown, or UsageError where it may be more than one.
    """
    found = [
        (number, slot)
        for number, slot in enumerate(slots, start=1)
        if which in (str(number), slot.label or None)
        or (len(which) >= _ID_PREFIX and slot.id.startswith(which.lower()))
    ]
    if not found:
        raise KeySlotUnknown(slot=which)
    if len(found) > 1:
        numbers = " and ".join(str(number) for number, _ in found)
        raise UsageError(
            what=Phrase("{which} may be any of the keys {numbers}", which=which, numbers=numbers)
        )
    return found[0]


class Keys:
    """The keys of a user's vaults; `Vaults.keys` has one of these."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def slots(self, name: str) -> tuple[SlotInfo, ...]:
        """Return the keys of a vault, as the volume config lists them; needs no key."""
        return slots_of(await volumecommands.info(self._registry.entry(name)))

    async def is_token(self, name: str) -> bool:
        """Return whether a FIDO2 token opens the vault; False too where that can't be told."""
        try:
            async with asyncio.timeout(volumecommands.INFO_S):
                return await in_thread(has_token, self._registry.entry(name))
        except TimeoutError:
            return False

    async def verify(self, name: str, key: Key) -> SlotOpened:
        """Return which of the vault's keys this is, and what deriving it took.

        Raises PasswordIncorrect, KeyFileIncorrect or RecoveryKeyMistyped, and
        VolumeConfTampered for a config that is not as it was made.
        """
        return await volumecommands.verify(self._registry.entry(name), key)

    async def verify_recovery(self, name: str, recovery_key: Secret) -> SlotOpened:
        """Return which key of the vault a recovery key is, as it was typed.

        Raises RecoveryKeyMistyped with the groups that are wrong, or RecoveryKeyIncorrect.
        """
        try:
            opened = await self.verify(name, Key(recovery_key, key_file=""))
        except (PasswordIncorrect, KeyFileNeeded) as error:
            raise RecoveryKeyIncorrect(name=name) from error
        if opened.slot.kind != SlotKind.RECOVERY_KEY:
            # A password was given: it opens the vault, and proves nothing of the paper.
            raise RecoveryKeyIncorrect(name=name)
        return opened

    async def add(self, name: str, key: Key, new: NewKey) -> KeyAdded:
        """Give a vault one key more; `key` opens it now."""
        entry = self._registry.entry(name)
        before = await volumecommands.info(entry)
        argon2id = new.derivation is Derivation.ARGON2ID or (
            new.derivation is Derivation.AS_IT_IS and "argon2id" in before.key_derivation
        )

        async def attempt(key_file: str) -> KeyAdded:
            spec = SlotAddSpec(
                entry.cipherdir,
                new.kind.value,
                entry.config_path,
                entry.reverse,
                key_file=key_file,
                new_key_file=new.key_file and absolute(new.key_file),
                label=new.label,
                argon2id=argon2id,
                scrypt_logn=_SCRYPT_LOGN,
            )
            with Secret(bytearray()) as none:
                outcome = await run_oneshot(spec, [key.secret, new.password or none])
            assert isinstance(outcome.message, SlotAdded)
            recovery_key = None
            if outcome.secret and outcome.qr_code:
                recovery_key = RecoveryKey(outcome.secret, outcome.qr_code)
            lost = Compatibility.LOST if gocryptfs_opens(before) else Compatibility.UNCHANGED
            number = len(slots_of(before)) + 1
            return KeyAdded(outcome.message.slot, number, lost, recovery_key)

        return await with_key_file(entry, key, attempt)

    async def remove(self, name: str, key: Key, slot: SlotInfo) -> KeysChanged:
        """Take a key away from a vault; `key` is one that stays.

        Raises LastKeySlot and KeySlotStillNeeded. A saved password, or a remembered key file,
        that opens nothing any more is forgotten too.
        """
        entry = self._registry.entry(name)

        async def attempt(key_file: str) -> None:
            spec = SlotRemoveSpec(
                entry.cipherdir, slot.id, entry.config_path, entry.reverse, key_file
            )
            await run_oneshot(spec, [key.secret])

        await with_key_file(entry, key, attempt)
        after = await volumecommands.info(entry)
        if entry.key_file and not any(left.kind in _WITH_FILE for left in slots_of(after)):
            self._registry.set_value(entry.id, "key_file", None)
        # There were several keys before, and gocryptfs knows of one.
        regained = Compatibility.REGAINED if gocryptfs_opens(after) else Compatibility.UNCHANGED
        return await self._mended(entry, slots_of(after), regained, key, None)

    async def change_password(
        self,
        name: str,
        key: Key,
        new: Secret,
        *,
        derivation: Derivation = Derivation.AS_IT_IS,
        new_key_file: str = "",
    ) -> KeysChanged:
        """Give the key that opens a vault another password, and perhaps another key file.

        With a recovery key in its place, the only password of the vault is changed. A saved
        password that opens nothing any more is replaced by the new one.
        """
        return await self._change(name, key, new, derivation, new_key_file)

    async def convert(self, name: str, key: Key, derivation: Derivation) -> KeysChanged:
        """Have a key derived in another way from what it is; nothing else changes."""
        return await self._change(name, key, None, derivation, "")

    async def calibrate(self) -> Calibrated:
        """Measure what the keys of a new volume cost on this machine; takes seconds."""
        outcome = await run_oneshot(CalibrateSpec())
        assert isinstance(outcome.message, Calibrated)
        return outcome.message

    # -- inside ---------------------------------------------------------------------------

    async def _change(
        self, name: str, key: Key, new: Secret | None, derivation: Derivation, new_key_file: str
    ) -> KeysChanged:
        entry = self._registry.entry(name)
        before = await volumecommands.info(entry)
        new_key_file = new_key_file and absolute(new_key_file)

        async def attempt(key_file: str) -> None:
            spec = PasswdSpec(
                entry.cipherdir,
                entry.config_path,
                scrypt_logn=_SCRYPT_LOGN if derivation is Derivation.SCRYPT else 0,
                argon2id=derivation is Derivation.ARGON2ID,
                reverse=entry.reverse,
                key_file=key_file,
                new_key_file=new_key_file,
                same_password=new is None,
            )
            with Secret(bytearray()) as none:
                await run_oneshot(spec, [key.secret, new or none])

        await with_key_file(entry, key, attempt)
        if new_key_file:
            key = replace(key, key_file=new_key_file)
            if entry.key_file:
                entry = replace(entry, key_file=new_key_file)
                self._registry.set_value(entry.id, "key_file", path_to_text(new_key_file))
        after = await volumecommands.info(entry)
        slots, compatibility = slots_of(after), _compatibility(before, after)
        if new is None:
            return KeysChanged(slots, compatibility, SavedPassword.UNTOUCHED)
        return await self._mended(entry, slots, compatibility, key, new)

    async def _mended(
        self,
        entry: VaultEntry,
        slots: tuple[SlotInfo, ...],
        compatibility: Compatibility,
        key: Key,
        new: Secret | None,
    ) -> KeysChanged:
        try:
            saved = await savedpassword.mend(entry, slots, key.key_file, new)
        except VaultuiError as error:
            # The change is done, and must not look as if it had failed.
            return KeysChanged(slots, compatibility, SavedPassword.STALE, error)
        return KeysChanged(slots, compatibility, saved)


def _compatibility(before: VolumeInfo, after: VolumeInfo) -> Compatibility:
    if gocryptfs_opens(before) == gocryptfs_opens(after):
        return Compatibility.UNCHANGED
    return Compatibility.REGAINED if gocryptfs_opens(after) else Compatibility.LOST
