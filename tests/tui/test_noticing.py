"""Proves that what happens to a vault by itself is said, and once."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from driver import Running
from standin import EPOCH, StandIn

from vaultui.model.states import VaultState
from vaultui.vaults import Event, EventKind, LockMode

pytestmark = pytest.mark.anyio


async def test_an_idle_lock_that_could_not_lock_says_why(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        why = "The idle lock is due, but code (4711) holds it."
        vaults.change("Work", state=VaultState.BUSY, explanation=why)
        await driver.app.live.refresh()
        await driver.hears(f"Work stays open. {why}")
        await driver.app.live.refresh()
        assert len(driver.toasts) == 1


async def test_a_lock_by_itself_or_by_others_says_why_where_that_is_known(
    running: Running, vaults: StandIn
) -> None:
    vaults.logs["Work"] = ["2023-11-14 22:10:00,000 INFO    locked: idle"]
    vaults.logs["Photos"] = ["2023-11-14 20:00:00,000 INFO    locked: idle"]  # an earlier time
    async with running(vaults) as driver:
        await vaults.lock("Work")
        await vaults.lock("Photos", LockMode.LAZY)
        await driver.app.live.refresh()
        await driver.hears("Work has been locked: nobody used it.")
        await driver.hears("Photos has been locked.")


async def test_damage_and_an_occasion_that_did_not_lock_are_said_once_each(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        vaults.timeline["Work"] += [
            Event(2, EPOCH, EventKind.IDLE_RESET),
            Event(3, EPOCH, EventKind.STAYS_OPEN, detail="sleep"),
            Event(4, EPOCH, EventKind.CORRUPT_CONTENT, path="letters/ada.txt", detail="block 3"),
            Event(5, EPOCH, EventKind.CORRUPT_CONTENT, path="letters/ada.txt", detail="block 4"),
        ]
        vaults.change("Work", last_event=5)
        await driver.app.live.refresh()
        await driver.hears("Work stayed open while the machine slept: it was used.")
        await driver.hears("Work has damage in letters/ada.txt; locked, V checks it all.")
        await driver.app.live.refresh()
        assert len(driver.toasts) == 2


async def test_a_lock_from_here_is_said_once(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("l")
        await driver.hears("Work is locked.")
        await driver.app.live.refresh()
        assert driver.toasts == ["Work is locked."]


async def test_a_vault_that_hangs_or_breaks_is_named_and_not_as_hung_while_it_ends(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        vaults.change("Work", state=VaultState.HUNG, explanation="It closed the connection.")
        await driver.app.live.refresh()
        assert driver.toasts == []
        await driver.app.live.refresh()
        await driver.app.live.refresh()
        assert driver.toasts == ["Work does not answer. It closed the connection."]
        vaults.change("Work", state=VaultState.BROKEN, explanation="Its backend was killed.")
        await driver.app.live.refresh()
        await driver.hears("Work is broken; R repairs it. Its backend was killed.")


async def test_capital_e_puts_off_what_was_warned_of_wherever_the_cursor_is(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("j", "E")
        await driver.hears("No idle lock has been announced.")
        vaults.change("Work", idle_left_s=30.0)
        await driver.app.live.refresh()
        await driver.press("E")
        await driver.hears("Work locks in 15 min at the earliest.")
        assert vaults.calls == ["extend Work 900"]


async def test_a_shell_gets_the_terminal_and_locking_is_offered_at_its_end(
    running: Running, vaults: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(vaults) as driver:
        driver.app.suspend = nullcontext  # a terminal of a test cannot be left to anybody
        await driver.press("s")
        await driver.comes_to("confirm")
        await driver.sees("The shell has ended. Lock Work now?")
        assert vaults.calls == ["shell Work"]
        await driver.press("enter")
        await driver.hears("Work is locked.")


async def test_a_terminal_that_cannot_be_left_to_a_shell_says_so(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("s")
        await driver.hears("This terminal cannot be left to a shell.")
        assert vaults.calls == []
