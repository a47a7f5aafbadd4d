"""A config that is held open for a change of its key slots, and written with others.

The new config is opened from its bytes, with each key that is new in it, before it takes the
place of the old one.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from vaultui.cipherfs import conffile
from vaultui.cipherfs.conffile import ConfFile
from vaultui.crypto import keyslots, masterkey
from vaultui.crypto.keyslots import Credentials
from vaultui.format import volumeconf
from vaultui.format.features import FeatureFlag
from vaultui.format.kdfcost import (
    ARGON2ID_SALT_BYTES,
    MAX_WORK,
    Argon2idCost,
    Cost,
    CostRefused,
    ScryptCost,
)
from vaultui.format.keyslots import (
    ID_BYTES,
    LABEL_MAX,
    MAX_SLOTS,
    KeySlot,
    KeySlots,
    SlotKind,
    is_label,
)
from vaultui.format.volumeconf import NO_SCRYPT, VolumeConf
from vaultui.model.errors import (
    KeyFileNeeded,
    KeySlotsFull,
    KeySlotStillNeeded,
    KeySlotUnknown,
    LastKeySlot,
    LostKeyUnclear,
    PasswordIncorrect,
    UsageError,
    VolumeConfNotWritten,
)
from vaultui.model.language import N_, Phrase
from vaultui.model.records import record
from vaultui.model.secret import Secret

_SCRYPT_SALT_BYTES: Final = 32
_WITH_PASSWORD: Final = (SlotKind.PASSWORD, SlotKind.PASSWORD_AND_KEY_FILE)


def slots_of(conf: VolumeConf) -> tuple[KeySlot, ...]:
    """Return the slots; the plain format has one, without an ID and of an unknown age (0)."""
    if conf.key_slots is not None:
        return conf.key_slots.slots
    return (KeySlot(b"", SlotKind.PASSWORD, conf.scrypt, created=0),)


def with_slots(
    conf: VolumeConf,
    master: Secret,
    slots: Sequence[KeySlot],
    keys: Mapping[bytes, Credentials],
) -> VolumeConf:
    """Return `conf` with these slots; those that wrap nothing yet do so under `keys`.

    A single slot for a password under scrypt makes a config in the plain format. The key for
    that is needed, whether the slot is new or not: the plain format derives in another way.
    """
    flags = tuple(flag for flag in conf.features.flags if flag is not FeatureFlag.KEY_SLOTS)
    if _is_all_plain(slots):
        plain = replace(conf, features=replace(conf.features, flags=flags), key_slots=None)
        password, cost = keys[slots[0].id].password, slots[0].cost
        assert password is not None
        assert isinstance(cost, ScryptCost)
        has_hkdf = plain.features.has(FeatureFlag.HKDF)
        encrypted_key, scrypt = masterkey.wrap(
            master, password, cost.logn, hkdf=has_hkdf, r=cost.r, p=cost.p
        )
        return replace(plain, encrypted_key=encrypted_key, scrypt=scrypt)
    unsigned = replace(
        conf,
        encrypted_key=b"",
        scrypt=NO_SCRYPT,
        features=replace(conf.features, flags=(*flags, FeatureFlag.KEY_SLOTS)),
        key_slots=KeySlots(
            tuple(
                slot if slot.wrapped else keyslots.wrap(master, keys[slot.id], slot)
                for slot in slots
            )
        ),
    )
    return keyslots.signed(unsigned, master)


@record(frozen=True)
class SlotChange:
    """A config that is locked and open, about to be replaced."""

    file: ConfFile
    master: Secret
    own: KeySlot
    """The slot whose key authorises the change."""
    given: Credentials

    @property
    def slots(self) -> tuple[KeySlot, ...]:
        """The slots; that of a plain volume has the ID by now that it would get."""
        if self.file.conf.key_slots is None:
            return (self.own,)
        return self.file.conf.key_slots.slots

    def lost(self, kind: SlotKind) -> KeySlot:
        """Return the slot of a key that was lost and is replaced by one of `kind`.

        That is the only one of the kind, or where there is none, the only one that is not a
        recovery key, which becomes one of the kind. Raises LostKeyUnclear.
        """
        found = [slot for slot in self.slots if slot.kind is kind] or [
            slot for slot in self.slots if slot.kind is not SlotKind.RECOVERY_KEY
        ]
        if len(found) != 1:
            count = (
                Phrase("{count} keys", count=len(found))
                if found
                else Phrase("no key but recovery keys")
            )
            raise LostKeyUnclear(count=count)
        return replace(found[0], kind=kind)

    def rekeyed(self, old: KeySlot, key: Credentials, cost: Cost | None) -> tuple[KeySlot, bytes]:
        """Return the slot `old` with another key or cost, and the config with it, tried out."""
        check_new(key, old.kind, old.cost if cost is None else cost, old.label)
        new = replace(old, cost=salted(old.cost if cost is None else cost), wrapped=b"")
        slots = [new if slot.id == old.id else slot for slot in self.slots]
        return new, self.prepared(slots, {new.id: key})

    def write(self, slots: Sequence[KeySlot], keys: Mapping[bytes, Credentials]) -> None:
        """Write the config with these slots; those that wrap nothing yet do so under `keys`."""
        conffile.replace(self.file, self.prepared(slots, keys))

    def prepared(self, slots: Sequence[KeySlot], keys: Mapping[bytes, Credentials]) -> bytes:
        """Return the config with these slots, tried out."""
        check_together(slots)
        keys = {self.own.id: self.given, **keys}
        conf = with_slots(self.file.conf, self.master, slots, keys)
        data = volumeconf.format(conf)
        fresh = [slot for slot in slots if not slot.wrapped] or [self.own]
        self._try(data, {slot.id: keys[slot.id] for slot in fresh})
        return data

    def _try(self, data: bytes, keys: Mapping[bytes, Credentials]) -> None:
        """Open each of these slots in what is about to be written: it will be the only way in."""
        shown = os.fsdecode(self.file.path)
        conf = volumeconf.parse(data, shown)
        for slot_id, key in keys.items():
            with _unwrap_one(conf, slot_id, key) as again:
                if again.view != self.master.view:
                    raise VolumeConfNotWritten(path=shown, reason=N_("it did not open when tried"))


@record(frozen=True)
class Opened:
    """A config as it was when a key opened it, so that the key need not be derived again."""

    data: bytes
    slot: KeySlot
    master: Secret


@contextlib.contextmanager
def changing(
    path: bytes,
    given: Credentials,
    *,
    without: bytes | None = None,
    opened: Opened | None = None,
) -> Iterator[SlotChange]:
    """Hold the config at `path` open for a change; `without` is a slot not to be opened.

    What was `opened` before counts where the config is still the same.
    """
    with conffile.locked(path):
        file = conffile.read(path)
        if opened is not None and opened.data == file.data:
            own, master = opened.slot, opened.master.copy()
        elif without is None:
            own, master = unwrap(file.conf, given)
        else:
            own, master = _unwrap_without(file.conf, given, without)
        with master:
            # A plain volume gets an ID for its slot now; it may become one with several.
            yield SlotChange(file, master, own if own.id else identified(own), given)


def unwrap(conf: VolumeConf, given: Credentials) -> tuple[KeySlot, Secret]:
    """Return the slot that opens, in either format, and the master key; the MAC is right.

    Raises as `masterkey.unwrap`.
    """
    if conf.key_slots is not None:
        return keyslots.unwrap(conf, given)
    return slots_of(conf)[0], masterkey.unwrap(conf, given)


def _unwrap_one(conf: VolumeConf, slot_id: bytes, key: Credentials) -> Secret:
    """Return the master key as just this slot has it, or nothing where it does not open."""
    if conf.key_slots is None:
        return unwrap(conf, key)[1]
    (slot,) = (slot for slot in conf.key_slots.slots if slot.id == slot_id)
    master = keyslots.unwrap_slot(slot, key)
    if master is None:
        return Secret(bytearray())
    keyslots.check_mac(conf, master)
    return master


def _unwrap_without(conf: VolumeConf, given: Credentials, slot_id: bytes) -> tuple[KeySlot, Secret]:
    doomed = [slot for slot in slots_of(conf) if slot.id == slot_id]
    if not doomed:
        raise KeySlotUnknown(slot=slot_id.hex())
    if len(slots_of(conf)) == 1:
        raise LastKeySlot
    assert conf.key_slots is not None
    others = tuple(slot for slot in conf.key_slots.slots if slot.id != slot_id)
    try:
        own, master = keyslots.find(replace(conf, key_slots=KeySlots(others)), given)
    except (PasswordIncorrect, KeyFileNeeded):
        if (opened := keyslots.unwrap_slot(doomed[0], given)) is None:
            raise
        opened.wipe()
        raise KeySlotStillNeeded from None
    try:
        keyslots.check_mac(conf, master)
    except BaseException:
        master.wipe()
        raise
    return own, master


def new_slot(kind: SlotKind, cost: Cost, label: str = "") -> KeySlot:
    """Return a slot that wraps nothing yet; a fresh salt takes the place of `cost`'s."""
    return KeySlot(os.urandom(ID_BYTES), kind, salted(cost), int(time.time()), label)


def identified(slot: KeySlot) -> KeySlot:
    """Return the slot of a plain volume as it will be among others: with an ID, made now."""
    return new_slot(slot.kind, slot.cost)


def _is_all_plain(slots: Sequence[KeySlot]) -> bool:
    """Tell whether the plain format is enough for these slots."""
    kinds = [(slot.kind, type(slot.cost)) for slot in slots]
    return kinds == [(SlotKind.PASSWORD, ScryptCost)]


def salted(cost: Cost) -> Cost:
    """Return `cost` with a fresh salt: one that was used says whether two keys are the same."""
    match cost:
        case ScryptCost():
            return replace(cost, salt=os.urandom(_SCRYPT_SALT_BYTES))
        case Argon2idCost():
            return replace(cost, salt=os.urandom(ARGON2ID_SALT_BYTES))
        case _:
            return cost


def check_together(slots: Sequence[KeySlot]) -> None:
    """Raise KeySlotsFull for more slots, or dearer ones, than a reader takes."""
    if len(slots) > MAX_SLOTS:
        raise KeySlotsFull(reason=Phrase("The volume has {limit} keys", limit=MAX_SLOTS))
    # The plain format has the bounds of gocryptfs.
    if not _is_all_plain(slots) and sum(slot.cost.work for slot in slots) > MAX_WORK:
        raise KeySlotsFull(reason=N_("To try all keys of the volume would take minutes"))


def check_new(key: Credentials, kind: SlotKind, cost: Cost, label: str) -> None:
    """Raise the error of a slot that can't be made, before anything is derived for it."""
    if not is_label(label):
        raise UsageError(
            what=Phrase(
                "A label has at most {limit} characters that can be printed",
                limit=LABEL_MAX,
            )
        )
    try:
        salted(cost).check()
    except CostRefused as error:
        raise UsageError(
            what=Phrase("No key is derived with {reason}", reason=error.reason)
        ) from None
    if kind in _WITH_PASSWORD and key.password is not None:
        masterkey.check_password(key.password)
    if key.material(kind) is None:
        raise UsageError(
            what=Phrase("A key of the kind {kind} needs more than was given", kind=kind)
        )
