"""Proves the check: asks for a key, shows how far it is, goes on without its dialog, reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from driver import Driver, Running
from standin import StandIn
from support import eventually
from textual.widgets import Input

from vaultui.model.errors import CipherdirInUse
from vaultui.vaults import Damage, Extent

pytestmark = pytest.mark.anyio

DAMAGE = Damage(
    "corrupt-content", "letters/to ada.txt", "5hZ/9kQ", "block 3 of 7 does not authenticate"
)


async def begin(driver: Driver, password: str = "secret") -> None:
    await driver.press("j", "V")
    await driver.comes_to("check")
    await driver.type(password)
    await driver.press("enter")


async def test_a_check_shows_how_far_it_is_and_says_that_all_is_whole(
    running: Running, vaults: StandIn
) -> None:
    vaults.volume.reading.clear()
    async with running(vaults) as driver:
        await begin(driver)
        await driver.comes_to("checking")
        await driver.sees("Checking Taxes")
        await driver.sees("50%")
        await driver.sees("1 file, 2.0 KiB of 4.0 KiB")
        await driver.sees("letters/ada.txt")
        vaults.volume.reading.set()
        await driver.sees("✓ Taxes is whole: 3 files, 4.0 KiB.")
        await driver.press("escape")
        await driver.press("V")
        await driver.comes_to("check")


async def test_a_wrong_password_and_what_else_fails_keep_the_form(
    running: Running, vaults: StandIn
) -> None:
    async with running(vaults) as driver:
        await begin(driver, "not this")
        await driver.sees("Password incorrect.")
        vaults.failure = CipherdirInUse(path="/home/ada/Sync/taxes.c", holder="gocryptfs (99)")
        await driver.type("secret")
        await driver.press("enter")
        await driver.sees("gocryptfs (99)")
        assert driver.app.screen.id == "check"


async def test_a_saved_password_begins_the_check_by_itself(
    running: Running, vaults: StandIn
) -> None:
    vaults.saved["Taxes"] = "secret"
    async with running(vaults) as driver:
        await driver.press("j", "V")
        await driver.comes_to("checking")
        await driver.sees("Taxes is whole")


async def test_damage_is_listed_and_the_report_can_be_saved(
    running: Running, vaults: StandIn, tmp_path: Path
) -> None:
    vaults.volume.damages["Taxes"] = (DAMAGE,)
    async with running(vaults) as driver:
        await begin(driver)
        await driver.comes_to("checking")
        await driver.sees("✖ Taxes has damage: 1 damaged of 3 files, 4.0 KiB.")
        await driver.sees("letters/to ada.txt content does not fit: block 3 of 7")
        await driver.press("s")
        await driver.comes_to("report")
        driver.app.screen.query_one("#path", Input).value = str(tmp_path / "report.txt")
        await driver.press("enter")
        await driver.hears("The report is")
    lines = (tmp_path / "report.txt").read_text().splitlines()
    assert lines[0].endswith("  /home/ada/Sync/taxes.c")
    assert lines[1:] == [
        "✖ Taxes has damage: 1 damaged of 3 files, 4.0 KiB. Take these from a copy.",
        "corrupt-content\tletters/to ada.txt\t5hZ/9kQ\tblock 3 of 7 does not authenticate",
    ]


async def test_a_check_goes_on_without_its_dialog_and_tells_how_it_went(
    running: Running, vaults: StandIn
) -> None:
    vaults.volume.reading.clear()
    async with running(vaults) as driver:
        await begin(driver)
        await driver.comes_to("checking")
        await driver.press("escape")
        await driver.comes_to("home")
        await driver.press("V")
        await driver.sees("Checking Taxes")
        await driver.press("escape")
        vaults.volume.reading.set()
        await driver.hears("Taxes is whole: 3 files, 4.0 KiB.")


async def test_damage_found_by_a_check_that_nobody_looked_at_is_kept_for_later(
    running: Running, vaults: StandIn
) -> None:
    vaults.volume.reading.clear()
    vaults.volume.damages["Taxes"] = (DAMAGE,)
    async with running(vaults) as driver:
        await begin(driver)
        await driver.comes_to("checking")
        await driver.press("escape")
        vaults.volume.reading.set()
        await driver.hears("The check of Taxes has found damage, or ended early; V shows it.")
        await driver.press("V")
        await driver.sees("letters/to ada.txt")


async def test_a_check_can_be_stopped_and_says_that_the_rest_is_not_known(
    running: Running, vaults: StandIn
) -> None:
    vaults.volume.reading.clear()
    async with running(vaults) as driver:
        await begin(driver)
        await driver.comes_to("checking")
        await driver.press("x")
        await driver.sees("The check ended early, after 1 file: the rest is not known.")
        assert vaults.cancelled == ["Taxes"]


async def test_quitting_ends_a_check_and_its_backend(running: Running, vaults: StandIn) -> None:
    vaults.volume.reading.clear()
    async with running(vaults) as driver:
        await begin(driver)
        await driver.comes_to("checking")
        await driver.press("escape", "q")
    assert vaults.cancelled == ["Taxes"]


async def test_the_volume_tells_what_it_is_made_of_and_leads_to_its_check(
    running: Running, vaults: StandIn
) -> None:
    vaults.volume.extents["Taxes"] = Extent(1204, 412 << 20)
    async with running(vaults) as driver:
        await driver.press("j", "v")
        await driver.comes_to("volume-info")
        await driver.sees("Size 1204 files, 412 MiB")
        await driver.sees("Made by gocryptfs 2.4.0")
        await driver.sees("longer than 255 bytes: in files of their own")
        await driver.sees("gocryptfs opens it as well")
        await driver.press("V")
        await eventually(lambda: driver.app.screen.id == "check")


async def test_what_cannot_be_checked_says_so_before_a_password_is_asked_for(
    running: Running, vaults: StandIn
) -> None:
    vaults.put("View", reverse=True)
    async with running(vaults) as driver:
        await driver.press("V")
        await driver.hears("Work is open for writing: lock it before a check.")
        await driver.press("G", "V")
        await driver.hears("View shows a plain directory encrypted: nothing to check.")
