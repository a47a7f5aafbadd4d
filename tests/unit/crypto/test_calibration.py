"""Proves that Argon2id costs about a second, and no more memory than it may."""

from __future__ import annotations

import pytest

from vaultui.crypto import calibration
from vaultui.crypto.calibration import choose_argon2id
from vaultui.format.kdfcost import Argon2idCost
from vaultui.model.errors import Argon2idRefused

GIB = 1 << 30


def chosen(free_bytes: int, seconds_at_least: float) -> Argon2idCost:
    """Return what is chosen where the least takes so many seconds, and others in proportion."""
    least = calibration.new_argon2id()
    cost = choose_argon2id(free_bytes, lambda cost: seconds_at_least * cost.work / least.work)
    cost.check()
    return cost


@pytest.mark.parametrize(
    ("free_gib", "seconds", "memory_mib", "passes"),
    [
        (16, 0.25, 256, 3),
        (16, 0.5, 128, 3),
        (16, 1.0, 64, 3),
        (16, 20.0, 64, 3),
        # A quarter of the free memory, and then passes.
        (0.5, 0.125, 128, 12),
        # A volume is opened elsewhere, too.
        (64, 0.01, 1024, 18),
        (64, 0.0, 1024, 64),
    ],
)
def test_a_second_goes_into_memory_first(
    free_gib: float, seconds: float, memory_mib: int, passes: int
) -> None:
    cost = chosen(int(free_gib * GIB), seconds)
    assert (cost.memory_kib >> 10, cost.passes, cost.lanes) == (memory_mib, passes, 4)


def test_a_quarter_of_the_free_memory_is_never_exceeded() -> None:
    for free_mib in range(256, 9000, 97):
        cost = chosen(free_mib << 20, 0.05)
        assert 64 << 20 <= cost.memory_bytes <= free_mib << 18


def test_where_the_least_is_too_much_there_is_no_argon2id() -> None:
    with pytest.raises(Argon2idRefused) as caught:
        chosen((256 << 20) - 1, 0.1)
    assert caught.value.exit_code == 13
    assert "64 MiB" in caught.value.summary


def test_the_time_is_that_of_a_real_derivation() -> None:
    cost = Argon2idCost(bytes(16), memory_kib=1024, passes=1, lanes=1)
    costly = Argon2idCost(bytes(16), memory_kib=1 << 14, passes=4, lanes=1)
    assert 0 < calibration.derivation_s(cost) < calibration.derivation_s(costly)


def test_each_cost_has_a_salt_of_its_own() -> None:
    assert calibration.new_argon2id().salt != calibration.new_argon2id().salt
