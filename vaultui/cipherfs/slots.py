"""The key slots of a volume: added, removed, changed, and tried.

A volume in the plain format counts as one with a single slot, for its password; one that is left
with a single slot for a password under scrypt goes back to the plain format, which gocryptfs
opens.

Every change is authorised by a key that opens a slot before and after it, or replaces that
slot's key by another. The new config is opened from its bytes, with each key that is new in
it, before it takes the place of the old one in one step (see `conffile`). Whoever is killed
on the way leaves a config that the old keys open, or one that the new ones open.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from vaultui.cipherfs import conffile
from vaultui.cipherfs.slotchange import (
    Opened,
    SlotChange,
    changing,
    check_new,
    identified,
    new_slot,
    slots_of,
    unwrap,
)
from vaultui.crypto import keyslots, masterkey
from vaultui.crypto.keyslots import Credentials
from vaultui.format.kdfcost import Cost
from vaultui.format.keyslots import KeySlot, SlotKind
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import (
    MasterKeyInvalid,
    UsageError,
    VolumeConfNotWritten,
    VolumeConfTampered,
)
from vaultui.model.language import N_
from vaultui.model.secret import Secret

__all__ = [
    "Opened",
    "add",
    "opened",
    "rekey",
    "remove",
    "replace_lost_key",
    "slots_of",
    "verify",
]


def verify(conf: VolumeConf, given: Credentials) -> KeySlot:
    """Return the slot that the key opens, in a config that is as it was made.

    Raises as `masterkey.unwrap`.
    """
    slot, master = unwrap(conf, given)
    master.wipe()
    return slot


def add(
    path: bytes, given: Credentials, new: Credentials, kind: SlotKind, cost: Cost, label: str = ""
) -> KeySlot:
    """Give the volume one key more, and return its slot; a fresh salt takes the place of `cost`'s.

    Raises as `verify`, and UsageError, PasswordEmpty, PasswordTooLong, KeySlotsFull, or
    VolumeConfNotWritten with the old config in place.
    """
    check_new(new, kind, cost, label)
    slot = new_slot(kind, cost, label)
    with changing(path, given) as change:
        change.write((*change.slots, slot), {slot.id: new})
    return slot


def remove(path: bytes, given: Credentials, slot_id: bytes) -> None:
    """Take a key away; `given` is another one, which shows that the volume stays open to somebody.

    Raises as `verify`, and KeySlotUnknown, LastKeySlot, KeySlotStillNeeded, or
    VolumeConfNotWritten with the old config in place.
    """
    with changing(path, given, without=slot_id) as change:
        change.write([slot for slot in change.slots if slot.id != slot_id], {})


@contextlib.contextmanager
def opened(path: bytes, given: Credentials) -> Iterator[Opened]:
    """Open the config at `path` for a `rekey` later; nobody is kept from changing it meanwhile.

    Raises as `verify`. The master key is wiped at the end.
    """
    file = conffile.read(path)
    slot, master = unwrap(file.conf, given)
    with master:
        yield Opened(file.data, slot, master)


def rekey(
    path: bytes,
    given: Credentials,
    new: Credentials | None = None,
    cost: Cost | None = None,
    opened: Opened | None = None,
) -> KeySlot:
    """Change the slot that `given` opens: to another key of its kind, or another derivation.

    Of a key file with a password either may change alone. A recovery key replaces the one that
    was lost (`SlotChange.lost`). `opened` saves deriving the key of `given` again.
    Returns the slot as it is then, and raises as `add`, and LostKeyUnclear, and UsageError where
    `new` has what the slot has no use for, or nothing in the place of a recovery key.
    """
    with changing(path, given, opened=opened) as change:
        slot, key = change.own, given
        if new is not None:
            if slot.kind is SlotKind.RECOVERY_KEY:
                _check_replaces(new)
                slot, given = change.lost(new.kind), Credentials()
            _check_uses(slot.kind, new)
            key = Credentials(
                password=given.password if new.password is None else new.password,
                key_file=given.key_file if new.key_file is None else new.key_file,
                recovery_key=new.recovery_key,
            )
        slot, data = change.rekeyed(slot, key, cost)
        conffile.replace(change.file, data)
        return slot


def _check_replaces(new: Credentials) -> None:
    """Raise UsageError where there is no new key: that of a recovery key is never derived."""
    if new.password is None and new.key_file is None:
        raise UsageError(
            what=N_("A recovery key has no derivation: give the key whose derivation is to change")
        )


def _check_uses(kind: SlotKind, new: Credentials) -> None:
    """Raise UsageError for a new key of another kind: it would open nothing, unnoticed."""
    if new.password is not None and kind is SlotKind.KEY_FILE:
        raise UsageError(
            what=N_("The key file alone opens the volume: there is no password to change")
        )
    if new.key_file is not None and kind is SlotKind.PASSWORD:
        raise UsageError(
            what=N_("A password alone opens the volume: there is no key file to change")
        )


def replace_lost_key(
    path: bytes, master: Secret, new: Credentials, cost: Cost | None = None
) -> str:
    """Replace the key of a volume that was lost (`SlotChange.lost`), by way of its master key.

    Where there are key slots, the MAC proves it right. In the plain format nothing does: the
    old config then stays as a copy beside the new one. Returns the path of that copy, or "".
    Raises MasterKeyInvalid, Fido2TokenNeeded, VolumeConfCopyExists, and as `rekey`.
    """
    with conffile.locked(path):
        file = conffile.read(path)
        is_plain = file.conf.key_slots is None
        if is_plain:
            masterkey.check_takes_password(file.conf)
            conffile.check_no_copy(path)
        else:
            _check_master_key(file.conf, master)
        own = identified(slots_of(file.conf)[0]) if is_plain else slots_of(file.conf)[0]
        change = SlotChange(file, master, own, new)
        _, data = change.rekeyed(change.lost(new.kind), new, cost)
        copy = conffile.keep_copy(file) if is_plain else b""
        try:
            conffile.replace(file, data)
        except VolumeConfNotWritten:
            if copy:
                os.unlink(copy)
            raise
        return os.fsdecode(copy)


def _check_master_key(conf: VolumeConf, master: Secret) -> None:
    try:
        keyslots.check_mac(conf, master)
    except VolumeConfTampered:
        raise MasterKeyInvalid(reason=N_("it is not that of this volume")) from None
