"""Proves the unlock flow: the keyring first and never in the way, then the form, in place."""

from __future__ import annotations

import asyncio

import pytest
from driver import Driver, Running
from standin import EPOCH, StandIn
from support import eventually
from textual.widgets import Input

from vaultui.model.errors import CipherdirInUse, KeyringLocked, MountFailed
from vaultui.model.states import VaultState
from vaultui.tui.screens.unlock import KEYRING_PATIENCE_S, UnlockScreen
from vaultui.tui.widgets.form import Tick
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.vaults import KeyringState
from vaultui.wire.control import Hold

pytestmark = pytest.mark.anyio


async def to_the_form(driver: Driver) -> None:
    """Open the form of Taxes, the second vault."""
    await driver.press("j", "u")
    await driver.comes_to("unlock")
    await driver.sees("Password")


async def state_of(vaults: StandIn, name: str) -> VaultState:
    return (await vaults.status(name)).state


async def test_a_typed_password_opens_the_vault_and_says_where_and_until_when(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        assert "secret" not in driver.text
        assert "••••••" in driver.text
        await driver.press("enter")
        await driver.comes_to("home")
        await driver.hears("Taxes is open at ~/Vaults/Taxes. It locks after 10 min without use.")
        assert await state_of(vaults, "Taxes") is VaultState.OPEN
        assert "unlock Taxes typed" in vaults.calls


async def test_a_wrong_password_is_said_in_place_with_the_field_empty_and_focused(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("wrong")
        await driver.press("enter")
        await driver.sees("Password incorrect.")
        field = driver.app.screen.query_one(SecretInput)
        assert isinstance(driver.app.screen, UnlockScreen)
        assert field.is_empty
        assert field.has_focus
        await driver.type("secret")
        await driver.loses("Password incorrect.")
        await driver.press("enter")
        await driver.comes_to("home")


async def test_an_empty_password_is_refused_without_asking_the_backend(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.press("enter")
        await driver.sees("The password is empty.")
        assert vaults.calls == []


async def test_a_saved_password_opens_the_vault_without_a_form(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "secret"
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.hears("Taxes is open")
        assert "unlock Taxes keyring" in vaults.calls


async def test_a_keyring_that_hangs_costs_a_short_moment_and_no_more(
    running: Running, vaults: StandIn
) -> None:
    assert KEYRING_PATIENCE_S < 1
    vaults.keyring_answers.clear()
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.sees("Asking GNOME Keyring")
        await driver.sees("has not answered yet")
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("Taxes is open")
        assert "unlock Taxes typed" in vaults.calls


async def test_a_keyring_that_answers_late_is_used_if_nothing_was_typed(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "secret"
    vaults.keyring_answers.clear()
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.sees("has not answered yet")
        vaults.keyring_answers.set()
        await driver.hears("Taxes is open")
        assert "unlock Taxes keyring" in vaults.calls


async def test_a_late_keyring_does_not_overtake_someone_who_is_typing(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "secret"
    vaults.keyring_answers.clear()
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.sees("has not answered yet")
        await driver.type("sec")
        vaults.keyring_answers.set()
        await driver.pilot.pause()
        assert vaults.calls == []
        assert "•••" in driver.text


async def test_a_locked_keyring_is_explained_above_the_form(
    running: Running, vaults: StandIn
) -> None:
    vaults.keyring_error = KeyringLocked(keyring="GNOME Keyring")
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.sees("The keyring GNOME Keyring is locked")
        assert driver.app.screen.query_one(SecretInput).has_focus


async def test_without_a_keyring_the_form_is_there_at_once_and_cannot_remember(
    running: Running, vaults: StandIn
) -> None:
    vaults.keyring.now = KeyringState(label="none", usable=False, reason="no D-Bus session")
    async with running(vaults) as driver:
        await to_the_form(driver)
        assert driver.app.screen.query_one("#remember", Tick).disabled


async def test_a_wrong_saved_password_is_reported_as_that_and_replaced_only_by_the_right_one(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "old"
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.sees("The password saved in GNOME Keyring is not the right one.")
        assert "[x] Replace the password saved in GNOME Keyring" in driver.text
        await driver.type("wrong")
        await driver.press("enter")
        await driver.sees("Password incorrect.")
        assert vaults.saved["Taxes"] == "old"
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("The password is remembered in GNOME Keyring.")
        assert vaults.saved["Taxes"] == "secret"


async def test_a_wrong_saved_password_stays_saved_if_the_offer_is_declined(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "old"
    async with running(vaults) as driver:
        await driver.press("j", "u")
        await driver.sees("Replace the password saved")
        driver.app.screen.query_one("#remember", Tick).value = False
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("Taxes is open")
        assert vaults.saved["Taxes"] == "old"


async def test_remember_saves_the_password_after_it_has_opened_the_vault(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.press("tab", "space")
        driver.app.screen.query_one(SecretInput).focus()
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("remembered in GNOME Keyring")
        assert vaults.saved == {"Taxes": "secret"}


async def test_a_password_is_not_saved_unless_asked(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("Taxes is open")
        assert vaults.saved == {}


async def test_steps_are_shown_in_place_with_their_times(running: Running, vaults: StandIn) -> None:
    vaults.derive.clear()
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        await driver.press("enter")
        driver.clock.now += 0.8
        await driver.sees("Deriving key…")
        await driver.sees("0.8 s")
        vaults.derive.set()
        await driver.hears("Taxes is open")


async def test_cancelling_ends_what_was_started_and_says_so(
    running: Running, vaults: StandIn
) -> None:
    vaults.derive.clear()
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Deriving key")
        await driver.press("escape")
        await driver.comes_to("home")
        await driver.hears("Unlocking Taxes was cancelled.")
        assert vaults.cancelled == ["Taxes"]
        assert await state_of(vaults, "Taxes") is VaultState.LOCKED


async def test_a_vault_that_is_being_unlocked_shows_it_in_the_list(
    running: Running, vaults: StandIn
) -> None:
    vaults.derive.clear()
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Deriving key")
        assert driver.app.live.statuses[1].state is VaultState.UNLOCKING


async def test_choices_of_the_form_reach_the_backend(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        screen = driver.app.screen
        screen.query_one("#read-only", Tick).value = True
        screen.query_one("#idle", Input).value = "1h30m"
        screen.query_one("#mountpoint", Input).value = "/mnt/elsewhere"
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears("Taxes is open at /mnt/elsewhere. It locks after 1 h 30 min")
        status = await vaults.status("Taxes")
        assert (status.read_only, status.idle_timeout_s) == (True, 5400.0)


async def test_an_idle_time_that_is_none_is_said_and_its_field_focused(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        driver.app.screen.query_one("#idle", Input).value = "soon"
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("is not a time like 15m")
        assert driver.app.focused is driver.app.screen.query_one("#idle")
        assert vaults.calls == []


async def test_another_failure_has_its_cure_and_its_raw_text_under_details(
    running: Running, vaults: StandIn
) -> None:
    vaults.failure = MountFailed(path="/x", reason="permission denied", raw="fusermount3: line 1")
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Mounting on /x failed: permission denied.")
        await driver.sees("Run `vaultui doctor`.")
        assert "fusermount3: line 1" not in driver.text
        await driver.press("f2")
        await driver.sees("fusermount3: line 1")


async def test_a_failure_leaves_no_password_in_the_form(running: Running, vaults: StandIn) -> None:
    vaults.failure = CipherdirInUse(path="/x", holder="gocryptfs")
    async with running(vaults) as driver:
        await to_the_form(driver)
        field = driver.app.screen.query_one(SecretInput)
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("already served by gocryptfs")
        assert bytes(field._buffer).strip(b"\0") == b""


async def test_a_password_in_the_form_is_wiped_when_the_dialog_is_left(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        buffer = driver.app.screen.query_one(SecretInput)._buffer
        await driver.type("secret")
        assert b"secret" in buffer
        await driver.press("escape")
        await driver.comes_to("home")
        await eventually(lambda: b"secret" not in buffer)


async def test_quitting_ends_an_unlock_that_is_under_way(running: Running, vaults: StandIn) -> None:
    vaults.derive.clear()
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("Deriving key")
    assert vaults.cancelled == ["Taxes"]
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "unlocking"]


@pytest.mark.parametrize(("typed", "seconds"), [("30m", 1800.0), ("23:00", 2800.0)])
async def test_a_vault_can_be_opened_until_a_set_time(
    running: Running, vaults: StandIn, typed: str, seconds: float
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        driver.app.screen.query_one("#open-for", Input).value = typed
        await driver.type("secret")
        await driver.press("enter")
        await driver.hears(", whoever uses it.")
        assert vaults.status_of("Taxes").detail.closes_at == EPOCH + seconds
        await driver.sees(", whoever uses it")


async def test_a_set_time_that_is_none_is_told_at_its_field(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await to_the_form(driver)
        await driver.type("secret")
        driver.app.screen.query_one("#open-for", Input).value = "soon"
        await driver.press("enter")
        await driver.sees("'soon' is not a time like 15m, 1h30m or never.")
        assert driver.app.focused.id == "open-for"


async def test_unlocking_a_vault_that_is_open_for_a_task_makes_it_stay(
    running: Running, vaults: StandIn
) -> None:
    vaults.change("Work", temporary=True, holds=(Hold(7, 1, "Backup"),), idle_left_s=None)
    async with running(vaults) as driver:
        await driver.sees("Tasks Backup")
        await driver.sees("when the last task has ended; u keeps it open")
        await driver.press("u")
        await driver.hears("Work stays open.")
    assert vaults.calls == ["stay open Work"]
