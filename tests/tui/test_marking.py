"""Proves what can be done with several vaults that were marked: one password, or one lock."""

from __future__ import annotations

import pytest
from driver import Driver, Running
from standin import StandIn
from support import eventually

from vaultui.model.states import VaultState
from vaultui.tui.widgets.secretinput import SecretInput

pytestmark = pytest.mark.anyio


@pytest.fixture
def three() -> StandIn:
    """Return three locked vaults; the last has another password than the others."""
    vaults = StandIn()
    for name, password in (("Work", "secret"), ("Taxes", "secret"), ("Photos", "other")):
        vaults.put(name, password=password)
    return vaults


def states(driver: Driver) -> list[VaultState]:
    return [status.state for status in driver.app.live.statuses]


async def test_one_password_opens_what_it_fits_and_the_rest_gets_another(
    running: Running, three: StandIn
) -> None:
    async with running(three) as driver:
        await driver.press("space", "space", "space")
        await driver.sees("3 marked, Esc clears")
        await driver.press("u")
        await driver.comes_to("unlock-several")
        await driver.sees("Unlock 3 vaults")
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("Work and Taxes are open.")
        await driver.sees("✓ Work open at")
        await driver.sees("✖ Photos Password incorrect.")
        await driver.sees("Another password for the one that is left?")
        field = driver.app.screen.query_one(SecretInput)
        assert field.is_empty
        assert field.has_focus
        await driver.type("other")
        await driver.press("enter")
        await driver.hears("Photos is open.")
        await driver.comes_to("home")
        await eventually(lambda: states(driver) == [VaultState.OPEN] * 3)
    tried = [call for call in three.calls if call.startswith("unlock")]
    assert tried == ["unlock Work typed", "unlock Taxes typed", "unlock Photos typed",
                     "unlock Photos typed"]  # fmt: skip


async def test_the_password_is_gone_from_the_field_while_it_is_tried(
    running: Running, three: StandIn
) -> None:
    three.derive.clear()
    async with running(three) as driver:
        await driver.press("space", "space", "u")
        await driver.comes_to("unlock-several")
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Work: Deriving key")
        assert driver.app.screen.query_one(SecretInput).is_empty
        await driver.press("escape")
        await driver.sees("Cancelled.")
        assert three.cancelled == ["Work"]


async def test_marked_vaults_are_locked_together(running: Running, vaults: StandIn) -> None:
    vaults.put("Letters", state=VaultState.OPEN)
    async with running(vaults) as driver:
        await driver.press("space")
        await driver.press("G", "space", "l")
        await driver.comes_to("lock-all")
        await driver.sees("This locks 2 vaults:")
        assert "Photos" not in driver.text
        await driver.press("enter")
        await driver.hears("Work and Letters are locked.")
        assert "marked" not in driver.text


async def test_esc_clears_the_marks_and_marking_again_takes_one_off(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("space")
        await driver.sees("✓ Work")
        await driver.press("k", "space")
        await driver.loses("✓ Work")
        await driver.press("space")
        await driver.sees("1 marked")
        await driver.press("escape")
        await driver.loses("marked")


async def test_unlocking_marked_vaults_that_are_all_open_says_so(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("space", "u")
        await driver.hears("None of the marked vaults is locked.")
