"""Making a key from what a person knows or has, at the cost that the volume config says."""

from __future__ import annotations

import os

from vaultui.crypto.hazmat import kdf
from vaultui.format.kdfcost import KEY_BYTES, Argon2idCost, Cost, NoCost, ScryptCost
from vaultui.model.errors import ScryptCostTooHigh
from vaultui.model.secret import Secret


def stretch(material: Secret, cost: Cost) -> Secret:
    """Return 32 bytes; raises ScryptCostTooHigh where this machine has not the memory for it."""
    # Asked before it is tried: with overcommit the allocation would succeed, and the kernel
    # would end some process, perhaps the user's session, while the derivation fills it.
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    too_high = ScryptCostTooHigh(need_mib=cost.memory_bytes >> 20, have_mib=memory >> 20)
    if cost.memory_bytes > memory:
        raise too_high
    try:
        match cost:
            case ScryptCost(salt, n, r, p, key_bytes):
                return kdf.scrypt(material, salt, n, r, p, key_bytes)
            case Argon2idCost(salt, memory_kib, passes, lanes):
                return kdf.argon2id(material, salt, memory_kib, passes, lanes, KEY_BYTES)
            case NoCost():
                return material.copy()
    except MemoryError:
        raise too_high from None
