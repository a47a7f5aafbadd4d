"""Proves how vaults come and go: adding, creating with the master key shown once, forgetting."""

from __future__ import annotations

import pytest
from driver import Running
from standin import StandIn
from support import eventually
from textual.widgets import Input

from vaultui.model.errors import CipherdirNotEmpty, VolumeConfMissing
from vaultui.model.secret import Secret
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.widgets.secrettext import MasterKeyText

pytestmark = pytest.mark.anyio

KEY_TEXT = bytes(range(32)).hex()


async def test_an_existing_vault_is_added_and_selected(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("a")
        await driver.comes_to("add")
        await driver.type("/srv/letters.c")
        driver.app.screen.query_one("#idle", Input).value = "15m"
        await driver.press("enter")
        await driver.comes_to("home")
        await driver.hears("letters is in the list; u unlocks it.")
        await eventually(lambda: driver.app.screen.selected_status.entry.name == "letters")
        assert vaults.entry("letters").idle_timeout_s == 900.0


async def test_a_directory_that_is_no_vault_keeps_the_dialog_and_says_why(
    running: Running, vaults: StandIn
) -> None:
    vaults.failure = VolumeConfMissing(path="/srv/x/gocryptfs.conf")
    async with running(vaults) as driver:
        await driver.press("a")
        await driver.comes_to("add")
        await driver.type("/srv/x")
        await driver.press("enter")
        await driver.sees("There is no volume config at /srv/x/gocryptfs.conf")
        assert driver.app.screen.id == "add"


async def test_adding_needs_a_directory(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("a")
        await driver.comes_to("add")
        await driver.press("enter")
        await driver.sees("Which directory?")


async def test_what_is_typed_right_after_tab_goes_into_the_next_field(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("a")
        await driver.comes_to("add")
        for key in ("x", "tab", "y", "tab", "z"):
            driver.app.simulate_key(key)
        fields = driver.app.screen.query(Input)
        await eventually(lambda: [field.value for field in fields] == ["x", "y", "z", ""])


async def test_a_new_vault_shows_its_master_key_once_and_checks_that_it_was_kept(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        await driver.type("/srv/new.c")
        driver.app.screen.query_one("#password", SecretInput).focus()
        await driver.type("hunter2")
        await driver.press("tab")
        await driver.type("hunter2")
        await driver.press("enter")
        await driver.comes_to("master-key")
        await driver.sees("00010203 04050607 08090a0b 0c0d0e0f")
        secret = driver.app.screen.query_one(MasterKeyText)._secret
        await driver.type("00010203")
        await driver.press("enter")
        await driver.sees("That is not the last group of digits.")
        await driver.press("ctrl+u")
        await driver.type("1C1D1E1F")
        await driver.press("enter")
        await driver.comes_to("home")
        await driver.hears("new is in the list")
        await eventually(lambda: not secret)
    assert vaults.passwords["new"] == "hunter2"


async def test_a_screenshot_shows_dots_instead_of_the_master_key(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        await driver.type("/srv/new.c")
        for field in ("#password", "#again"):
            driver.app.screen.query_one(field, SecretInput)._append(b"hunter2")
        await driver.press("enter")
        await driver.comes_to("master-key")
        picture = driver.app.export_screenshot()
        assert "00010203" not in picture
        assert "••••••••" in picture
        assert "00010203" in driver.text


async def test_the_master_key_cannot_be_selected_or_found_in_a_representation() -> None:
    widget = MasterKeyText.__new__(MasterKeyText)
    assert not widget.allow_select
    assert KEY_TEXT not in repr(Secret(bytearray(range(32))))


async def test_two_different_passwords_create_nothing(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        await driver.type("/srv/new.c")
        driver.app.screen.query_one("#password", SecretInput)._append(b"one")
        again = driver.app.screen.query_one("#again", SecretInput)
        again._append(b"two")
        await driver.press("enter")
        await driver.sees("The two passwords are not the same.")
        assert again.is_empty
        assert again.has_focus
        assert [entry.name for entry in vaults.entries()] == ["Work", "Taxes", "Photos"]


async def test_a_failed_creation_says_why_and_keeps_all_that_was_typed(
    running: Running, vaults: StandIn
) -> None:
    vaults.failure = CipherdirNotEmpty(path="/srv/new.c", first="a, b")
    async with running(vaults) as driver:
        await driver.press("n")
        await driver.comes_to("create")
        await driver.type("/srv/new.c")
        for field in ("#password", "#again"):
            driver.app.screen.query_one(field, SecretInput)._append(b"pw")
        await driver.press("enter")
        await driver.sees("/srv/new.c is not empty")
        await driver.press("enter")
        await driver.comes_to("master-key")
    assert vaults.passwords["new"] == "pw"


async def test_forgetting_asks_and_leaves_the_password_saved(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "secret"
    async with running(vaults) as driver:
        await driver.press("j", "d")
        await driver.comes_to("forget")
        await driver.sees("Its encrypted files stay in ~/Sync/taxes.c")
        await driver.press("shift+tab", "enter")
        await driver.hears("Taxes is off the list")
        await driver.comes_to("home")
        await driver.loses("Taxes ")
    assert vaults.saved == {"Taxes": "secret"}


async def test_forgetting_can_take_the_saved_password_along(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "secret"
    async with running(vaults) as driver:
        await driver.press("j", "d")
        await driver.comes_to("forget")
        driver.app.screen.query_one("#password").value = True
        await driver.press("shift+tab", "enter")
        await driver.hears("Taxes is off the list")
    assert vaults.saved == {}


async def test_an_open_vault_is_not_forgotten(running: Running, vaults: StandIn) -> None:
    async with running(vaults) as driver:
        await driver.press("d")
        await driver.hears("Work is open: lock it first.")
        assert driver.app.screen.id == "home"
