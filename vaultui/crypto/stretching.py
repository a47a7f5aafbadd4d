"""Making a key from what a person knows or has, at the cost that the volume config says."""

from __future__ import annotations

from vaultui.crypto import memorylimit
from vaultui.crypto.hazmat import kdf
from vaultui.format.kdfcost import KEY_BYTES, Argon2idCost, Cost, NoCost, ScryptCost
from vaultui.model.errors import ScryptCostTooHigh
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret


def stretch(material: Secret, cost: Cost) -> Secret:
    """Return 32 bytes; raises ScryptCostTooHigh where there is not the memory for it."""
    # Asked before it is tried: with overcommit the allocation would succeed, and the kernel
    # would end some process, perhaps the user's session, while the derivation fills it.
    limit = memorylimit.limit()
    need_mib = cost.memory_bytes >> 20
    if cost.memory_bytes >= limit:
        raise ScryptCostTooHigh(
            need_mib=need_mib, have=Phrase("there are {limit} MiB here", limit=limit >> 20)
        )
    try:
        match cost:
            case ScryptCost(salt, n, r, p, key_bytes):
                return kdf.scrypt(material, salt, n, r, p, key_bytes)
            case Argon2idCost(salt, memory_kib, passes, lanes):
                return kdf.argon2id(material, salt, memory_kib, passes, lanes, KEY_BYTES)
            case NoCost():
                return material.copy()
    except MemoryError:
        # A limit on the address space (ulimit -v), or on threads.
        have = "the system does not give as much"
        raise ScryptCostTooHigh(need_mib=need_mib, have=have) from None
