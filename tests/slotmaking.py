"""Volume configs with key slots that cost next to nothing to open."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace

from vaultui.crypto import keyslots
from vaultui.crypto.keyslots import Credentials
from vaultui.format.features import DEFAULT_FEATURES, FeatureFlag, Features
from vaultui.format.kdfcost import Argon2idCost, Cost, NoCost, ScryptCost
from vaultui.format.keyslots import ID_BYTES, KeySlot, KeySlots, SlotKind
from vaultui.format.volumeconf import NO_SCRYPT, VolumeConf
from vaultui.model.secret import Secret

FEATURES = replace(DEFAULT_FEATURES, flags=(*DEFAULT_FEATURES.flags, FeatureFlag.KEY_SLOTS))


def secret(text: bytes) -> Secret:
    return Secret(bytearray(text))


def cheap_scrypt(logn: int = 10) -> ScryptCost:
    return ScryptCost(salt=os.urandom(32), n=1 << logn)


def cheap_argon2id(memory_kib: int = 1024, lanes: int = 1) -> Argon2idCost:
    return Argon2idCost(salt=os.urandom(16), memory_kib=memory_kib, passes=1, lanes=lanes)


def password(text: bytes) -> Credentials:
    return Credentials(password=secret(text))


def typed(text: bytes) -> Credentials:
    """Return what stands for a text that somebody typed: a recovery key perhaps."""
    return Credentials.typed(secret(text))


def key_file(content: bytes, text: bytes | None = None) -> Credentials:
    """Return credentials with a key file, which stands as if `content` was its digest."""
    digest = secret(content.ljust(32, b"."))
    return Credentials(password=None if text is None else secret(text), key_file=digest)


def recovery(key: bytes) -> Credentials:
    return Credentials(recovery_key=secret(key.ljust(32, b".")))


Given = tuple[Credentials, SlotKind, Cost, str]

EACH_KIND: list[Given] = [
    (password(b"one"), SlotKind.PASSWORD, cheap_scrypt(), "old one"),
    (password(b"two"), SlotKind.PASSWORD, cheap_argon2id(), ""),
    (key_file(b"stick"), SlotKind.KEY_FILE, cheap_argon2id(), "the blue stick"),
    (key_file(b"card", b"pin"), SlotKind.PASSWORD_AND_KEY_FILE, cheap_scrypt(), "Käse ☃"),
    (recovery(b"paper"), SlotKind.RECOVERY_KEY, NoCost(), "in the safe"),
]


def wrapped(
    master: Secret, credentials: Credentials, kind: SlotKind, cost: Cost, label: str = ""
) -> KeySlot:
    """Return a slot that wraps `master`."""
    slot = KeySlot(os.urandom(ID_BYTES), kind, cost, int(time.time()), label)
    return keyslots.wrap(master, credentials, slot)


def conf_with(
    master: Secret, given: Sequence[Given] = EACH_KIND, features: Features = FEATURES
) -> VolumeConf:
    """Return the config of a volume with these slots."""
    slots = tuple(wrapped(master, *each) for each in given)
    unsigned = VolumeConf("test", b"", NO_SCRYPT, features, key_slots=KeySlots(slots))
    return keyslots.signed(unsigned, master)
