"""Proves the lock flow: polite first, then a dialog that names the holders and offers ways out."""

from __future__ import annotations

import signal

import pytest
from driver import Driver, Running
from standin import StandIn
from support import eventually

from vaultui.model.errors import BackendUnreachable, HookFailed
from vaultui.model.states import VaultState
from vaultui.vaults import Holder

pytestmark = pytest.mark.anyio


async def to_the_dialog(driver: Driver) -> None:
    """Ask Photos, the third vault, which is held, to lock."""
    await driver.press("j", "j", "l")
    await driver.comes_to("busy")
    await driver.sees("Held by 2 processes")


async def is_open(vaults: StandIn, name: str) -> bool:
    return (await vaults.status(name)).mounted


async def test_a_vault_that_nobody_holds_is_locked_at_once(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("l")
        await driver.hears("Work is locked.")
        assert not await is_open(vaults, "Work")


async def test_a_held_vault_names_its_holders_and_what_they_hold(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.sees("4242 darktable open file 2023/IMG_0417.raw")
        await driver.sees("mapping library.db")
        await driver.sees("5150 bash working dir 2023")
        assert await is_open(vaults, "Photos")


async def test_esc_leaves_a_held_vault_open(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("escape")
        await driver.comes_to("home")
        assert await is_open(vaults, "Photos")


async def test_retry_says_in_place_that_it_is_still_held(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("r")
        await driver.sees("It is still in use.")


async def test_retry_locks_once_the_holders_are_gone(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        vaults.busy.clear()
        await driver.sees("Nothing holds it any more")
        await driver.press("enter")
        await driver.hears("Photos is locked.")
        await driver.comes_to("home")


async def test_waiting_goes_on_without_its_dialog_and_locks_when_free(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("w")
        await driver.comes_to("home")
        await driver.hears("Photos locks when it is free")
        assert driver.app.live.statuses[2].state is VaultState.LOCKING
        vaults.busy.clear()
        vaults.let_go.set()
        await driver.hears("Photos is locked.")
        await eventually(lambda: driver.app.live.statuses[2].state is VaultState.LOCKED)


async def test_waiting_can_be_stopped_and_leaves_the_vault_open(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("w")
        await driver.comes_to("home")
        await driver.press("l")
        await driver.comes_to("busy")
        await driver.sees("Waiting 00:00: it locks as soon as it is free.")
        await driver.press("w")
        await driver.hears("Photos stays open.")
        assert await is_open(vaults, "Photos")


async def test_asking_to_end_sends_term_to_each_process_once_and_then_locks(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("t")
        await driver.hears("Photos is locked.")
        sent = [call for call in vaults.calls if call.startswith("signal")]
        assert sorted(sent) == [
            f"signal 4242 {signal.SIGTERM:d}",
            f"signal 5150 {signal.SIGTERM:d}",
        ]


async def test_a_single_holder_is_ended_from_the_table_of_the_dialog(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("shift+tab", "G", "t")
        await driver.hears("bash (5150) was asked to end.")
        await driver.sees("Held by 1 process.")
        assert await is_open(vaults, "Photos")


async def test_a_lock_that_waits_since_an_earlier_start_is_shown_and_can_be_given_up(
    running: Running, vaults: StandIn
) -> None:
    vaults.change("Photos", waits_to_lock="request")
    async with running(vaults) as driver:
        await driver.press("j", "j", "l")
        await driver.comes_to("busy")
        await driver.sees("It locks as soon as it is free. Held by 2 processes.")
        await driver.press("w")
        await driver.hears("Photos stays open.")
        await driver.sees("Held by 2 processes. Close what is open there")


async def test_quitting_leaves_a_lock_that_waits_to_the_backend(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("w")
        await driver.comes_to("home")
        await driver.press("q")
    assert vaults.calls[-1] == "lock Photos when free"


async def test_killing_asks_first_and_enter_means_no(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.sees("darktable (4242), bash (5150)")
        await driver.press("enter")
        await driver.comes_to("busy")
        assert "lock Photos kill" not in vaults.calls


async def test_a_confirmed_kill_locks(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.press("shift+tab", "enter")
        await driver.hears("Photos is locked.")
        assert "lock Photos kill" in vaults.calls


async def test_detaching_explains_that_holders_keep_their_access(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("z")
        await driver.comes_to("confirm")
        await driver.sees("hold its files keep reading and writing them")
        await driver.press("shift+tab", "enter")
        await driver.hears("Photos is out of sight.")


async def test_a_vault_that_is_locked_under_a_question_closes_dialog_and_question_once(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        dialog = driver.app.screen
        await driver.press("x")
        await driver.comes_to("confirm")
        dialog.dismiss(None)
        await driver.comes_to("home")
        dialog.dismiss(None)
        await driver.comes_to("home")
        assert len(driver.app.screen_stack) == 1


async def test_a_failure_that_is_not_a_holder_is_explained(
    running: Running, vaults: StandIn
) -> None:
    vaults.failure = BackendUnreachable(name="Work", reason="no answer", raw="errno 111")
    async with running(vaults) as driver:
        await driver.press("l")
        await driver.comes_to("error")
        await driver.sees("The mount backend of Work does not answer")
        await driver.press("f2")
        await driver.sees("errno 111")
        await driver.press("escape")
        await driver.comes_to("home")


async def test_lock_all_shows_who_holds_what_and_locks_what_is_free(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("L")
        await driver.comes_to("lock-all")
        await driver.sees("This locks 2 vaults:")
        await driver.sees("● open Work is free")
        await driver.sees("▲ busy Photos held by darktable (4242) and bash (5150)")
        await driver.press("enter")
        await driver.hears("Work is locked.")
        await driver.hears("Photos is in use by darktable")
        assert not await is_open(vaults, "Work")
        assert await is_open(vaults, "Photos")


async def test_lock_all_can_wait_for_what_is_held(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("L")
        await driver.comes_to("lock-all")
        await driver.sees("held by darktable")
        await driver.press("w")
        await driver.hears("What is held is locked when it is free")
        await eventually(lambda: driver.app.live.statuses[0].state is VaultState.LOCKED)
        assert await is_open(vaults, "Photos")
        vaults.busy.clear()
        vaults.let_go.set()
        await driver.hears("Work and Photos are locked.")


async def test_lock_all_reaches_what_is_waited_for_already(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_dialog(driver)
        await driver.press("w")
        await driver.comes_to("home")
        await driver.press("L")
        await driver.sees("◑ locking Photos held by darktable")
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.press("shift+tab", "enter")
        await driver.hears("Work and Photos are locked.")
        assert vaults.calls[-1] == "lock Photos kill"


async def test_lock_all_kills_holders_after_a_second_question(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("L")
        await driver.comes_to("lock-all")
        await driver.sees("held by darktable")
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.sees("what they have not saved is lost: darktable (4242) and bash (5150)")
        await driver.press("shift+tab", "enter")
        await driver.hears("Work and Photos are locked.")


async def test_lock_all_offers_one_way_where_nothing_is_held(
    running: Running, vaults: StandIn
) -> None:
    vaults.busy.clear()
    async with running(vaults) as driver:
        await driver.press("L")
        await driver.comes_to("lock-all")
        await driver.sees("Photos is free")
        assert "Kill" not in driver.text
        await driver.press("escape")
        await driver.comes_to("home")
        assert await is_open(vaults, "Work")


async def test_panic_asks_once_and_puts_everything_away(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("!")
        await driver.comes_to("confirm")
        await driver.sees("no key stays in memory")
        await driver.press("enter")
        await driver.hears("Work and Photos are locked.")
        panics = [call for call in vaults.calls if call.endswith("panic")]
        assert panics == ["lock Work panic", "lock Photos panic"]


async def test_lock_all_with_nothing_open_says_so(running: Running) -> None:
    vaults = StandIn()
    vaults.put("Taxes")
    async with running(vaults) as driver:
        await driver.press("L")
        await driver.hears("No vault is open.")


async def test_a_process_is_asked_to_end_from_the_processes_pane(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("j", "j", "p")
        await driver.sees("2023/IMG_0417.raw")
        await driver.press("t")
        await driver.hears("darktable (4242) was asked to end.")


async def test_killing_a_process_from_the_pane_is_confirmed(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("j", "j", "p")
        await driver.sees("2023/IMG_0417.raw")
        await driver.press("x")
        await driver.comes_to("confirm")
        await driver.press("shift+tab", "enter")
        await driver.hears("darktable (4242) was killed.")
        assert f"signal 4242 {signal.SIGKILL:d}" in vaults.calls


async def test_r_on_a_vault_that_hangs_tells_why_and_offers_to_end_its_backend(
    running: Running, vaults: StandIn
) -> None:
    why = "The cipher directory /mnt/nas/work.c does not answer."
    vaults.change("Work", state=VaultState.HUNG, explanation=why)
    async with running(vaults) as driver:
        await driver.press("R")
        await driver.comes_to("busy")
        await driver.sees("Work does not answer")
        await driver.sees(why)
        await driver.press("t", "w")  # there is nobody to ask, and nothing to wait for
        await driver.press("x")
        await driver.sees("what it has not written yet is lost")
        await driver.press("shift+tab", "enter")
        await driver.hears("Work is locked.")
        assert vaults.calls[-1] == "lock Work kill"


async def test_a_hook_that_fails_is_shown_and_the_vault_can_be_locked_anyway(
    running: Running, vaults: StandIn
) -> None:
    vaults.failure = HookFailed(
        name="Work",
        command="git push",
        reason="exit code 1: no network",
        raw="pushing\nno network\n",
    )
    async with running(vaults) as driver:
        await driver.press("l")
        await driver.comes_to("confirm")
        await driver.sees("A hook of Work failed: exit code 1: no network.")
        await driver.sees("pushing no network")
        await driver.press("shift+tab", "enter")
        await driver.hears("Work is locked.")
    assert vaults.calls == ["lock Work polite", "lock Work polite without hooks"]


async def test_a_hook_that_fails_leaves_a_vault_open_when_enter_is_pressed(
    running: Running, vaults: StandIn
) -> None:
    vaults.failure = HookFailed(name="Work", command="git push", reason="exit code 1")
    async with running(vaults) as driver:
        await driver.press("l")
        await driver.comes_to("confirm")
        await driver.press("enter")
        await driver.comes_to("home")
        assert await is_open(vaults, "Work")


async def test_a_hook_that_fails_while_all_are_locked_is_shown_for_its_vault(
    running: Running, vaults: StandIn
) -> None:
    vaults.busy.clear()
    vaults.failure = HookFailed(name="Work", command="git push", reason="exit code 1")
    async with running(vaults) as driver:
        await driver.press("L")
        await driver.comes_to("lock-all")
        await driver.press("l")
        await driver.comes_to("confirm")
        await driver.sees("Work stays open")
        await driver.hears("Photos is locked.")
        await driver.press("shift+tab", "enter")
        await driver.hears("Work is locked.")


async def test_tasks_are_named_before_all_vaults_are_locked(
    running: Running, vaults: StandIn
) -> None:
    vaults.busy["Work"] = [Holder(4711, "Backup", 1000, "task", "", 5)]
    async with running(vaults) as driver:
        await driver.press("L")
        await driver.sees("held by the task Backup")
