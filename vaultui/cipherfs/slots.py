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

import os
import time

from vaultui.cipherfs import conffile
from vaultui.cipherfs.slotchange import SlotChange, changing, check_new, salted, slots_of, unwrap
from vaultui.crypto import keyslots
from vaultui.crypto.keyslots import Credentials
from vaultui.format.kdfcost import Cost
from vaultui.format.keyslots import ID_BYTES, KeySlot, SlotKind
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.errors import MasterKeyInvalid, VolumeConfTampered
from vaultui.model.secret import Secret

__all__ = [
    "add",
    "change_password",
    "rekey",
    "remove",
    "replace_lost_password",
    "slots_of",
    "verify",
]


def verify(conf: VolumeConf, given: Credentials) -> KeySlot:
    """Return the slot that the key opens, in a config that is as it was made.

    Raises PasswordIncorrect, VolumeConfTampered and Fido2TokenNeeded.
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
    slot = KeySlot(os.urandom(ID_BYTES), kind, salted(cost), int(time.time()), label)
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


def rekey(
    path: bytes, given: Credentials, new: Credentials | None = None, cost: Cost | None = None
) -> KeySlot:
    """Change the slot that `given` opens: to another key of its kind, or another derivation.

    Both stay where they are None. Returns the slot as it is then, and raises as `add`.
    """
    with changing(path, given) as change:
        return change.rekey(change.own, given if new is None else new, cost)


def change_password(path: bytes, old: Secret, new: Secret, cost: Cost | None = None) -> KeySlot:
    """Change the password `old`; a recovery key in its place changes the only password there is.

    Raises as `add`, and UsageError where there are several.
    """
    with (
        Credentials.typed(old) as given,
        Credentials(password=new.copy()) as key,
        changing(path, given) as change,
    ):
        slot = change.own if change.own.kind is SlotKind.PASSWORD else change.only_password()
        return change.rekey(slot, key, cost)


def replace_lost_password(
    path: bytes, master: Secret, new: Secret, cost: Cost | None = None
) -> KeySlot:
    """Change the only password of a volume with key slots by way of its master key.

    That is proven right by the MAC. Raises MasterKeyInvalid, and as `change_password`.
    """
    with conffile.locked(path), Credentials(password=new.copy()) as key:
        file = conffile.read(path)
        try:
            keyslots.check_mac(file.conf, master)
        except VolumeConfTampered:
            raise MasterKeyInvalid(reason="it is not that of this volume") from None
        change = SlotChange(file, master, slots_of(file.conf)[0], key)
        return change.rekey(change.only_password(), key, cost)
