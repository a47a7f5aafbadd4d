"""What Argon2id may cost on this machine: about a second, and never too much of its memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from vaultui.crypto.stretching import stretch
from vaultui.format.kdfcost import (
    ARGON2ID_SALT_BYTES,
    MAX_ARGON2ID_WORK,
    Argon2idCost,
    Cost,
)
from vaultui.model.errors import Argon2idRefused
from vaultui.model.secret import Secret

TARGET_S: Final = 1.0
"""Longer than a person likes to wait, and shorter than makes them look for another program."""
_LEAST_S: Final = 0.001
_MOST_KIB: Final = 1 << 20
"""1 GiB: the volume may be opened on a smaller machine one day. Beyond it passes are added."""
_SHARE: Final = 4
"""One part in so many of the free memory is used."""


def derivation_s(cost: Cost) -> float:
    """Return how long this machine takes for `cost`, in seconds."""
    began = time.perf_counter()
    with Secret(bytearray(b"a password to measure with")) as password:
        stretch(password, cost).wipe()
    return time.perf_counter() - began


def choose_argon2id(
    free_bytes: int, measure: Callable[[Argon2idCost], float] = derivation_s
) -> Argon2idCost:
    """Return a cost of about a second, with a fresh salt; it is measured here and now.

    The least is the second recommended option of RFC 9106 (64 MiB, three passes), whatever
    time that takes. More time goes into memory first, which is what an attacker has to pay
    for. Raises Argon2idRefused where a quarter of `free_bytes` is not enough for the least.
    """
    least = new_argon2id()
    limit_kib = min(free_bytes // _SHARE >> 10, _MOST_KIB)
    if limit_kib < least.memory_kib:
        raise Argon2idRefused(need_mib=least.memory_kib >> 10, free_mib=free_bytes >> 20)
    # The faster one of two: the first pays for memory that the process has not had yet.
    elapsed = min(measure(least), measure(least))
    times = max(1.0, TARGET_S / max(elapsed, _LEAST_S))
    memory_mib = min(int(least.memory_kib * times), limit_kib) >> 10
    memory_kib = memory_mib << 10
    passes = int(least.passes * times * least.memory_kib / memory_kib)
    most_passes = MAX_ARGON2ID_WORK // memory_kib
    return Argon2idCost(
        least.salt, memory_kib, min(max(passes, least.passes), most_passes), least.lanes
    )


def new_argon2id() -> Argon2idCost:
    """Return the least cost, with a fresh salt."""
    return Argon2idCost(os.urandom(ARGON2ID_SALT_BYTES))
