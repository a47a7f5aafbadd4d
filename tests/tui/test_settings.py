"""Proves what is written into the settings file from the application, on a real file."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from driver import Driver, Running
from support import eventually
from textual.widgets import Input, OptionList

from vaultui.__main__ import _start_application
from vaultui.tui.widgets.choice import Choice
from vaultui.vaults import Vaults

pytestmark = pytest.mark.anyio

SETTINGS = """\
# mine
theme = "dark"

[[vault]]  # the important one
name = "Work"
cipherdir = "~/work.c"
id = "0000000000000001"

[[vault]]
name = "Taxes"
cipherdir = "~/taxes.c"
id = "0000000000000002"

[[vault]]
name = "Photos"
cipherdir = "~/photos.c"
id = "0000000000000003"
"""


@pytest.fixture
def config(home: Path) -> Path:
    """Return a settings file with three vaults, which are locked."""
    for name in ("work.c", "taxes.c", "photos.c"):
        (home / name).mkdir()
        (home / name / "gocryptfs.conf").write_text("{}")
    path = Vaults.open().machine.locate("config")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(SETTINGS)
    return path


@asynccontextmanager
async def application(running: Running) -> AsyncIterator[Driver]:
    async with running(Vaults.open()) as driver:
        yield driver


def text_of(config: Path) -> str:
    return config.read_text()


async def go_to(driver: Driver, key: str) -> None:
    """Put the cursor on a setting."""
    rows = driver.app.screen._rows
    options = driver.app.screen.query_one("#choices", OptionList)
    options.highlighted = [row.key for row in rows].index(key)
    await driver.pilot.pause()


def order(driver: Driver) -> list[str]:
    return [status.entry.name for status in driver.app.live.statuses]


async def test_settings_are_explained_and_changed_with_the_comments_of_the_file_kept(
    running: Running, config: Path
) -> None:
    async with application(running) as driver:
        await driver.press("S")
        await driver.comes_to("settings")
        await go_to(driver, "refresh")
        await driver.sees("refresh: how often open vaults are looked at. Not in the file")
        await go_to(driver, "theme")
        await driver.sees("theme: colours of the application.")
        await driver.press("enter")
        await driver.comes_to("setting")
        await driver.sees("Light text on a dark ground.")
        assert driver.app.screen.query_one("#value", Choice).has_focus
        await driver.press("right", "enter")
        await driver.comes_to("settings")
        await driver.sees("theme light")
        await eventually(lambda: driver.app.theme == "light")
    assert text_of(config) == SETTINGS.replace('"dark"', '"light"')


async def test_a_wrong_value_stays_in_its_field_and_is_explained(
    running: Running, config: Path
) -> None:
    async with application(running) as driver:
        await driver.press("c")
        await driver.comes_to("settings")
        await driver.sees("Settings of Work")
        await go_to(driver, "idle_timeout")
        await driver.press("enter")
        await driver.comes_to("setting")
        field = driver.app.screen.query_one("#value", Input)
        field.value = "soon"
        await driver.press("enter")
        await driver.sees("soon")
        await driver.sees("✖")
        assert driver.app.screen.id == "setting"
        field.value = "20m"
        await driver.press("enter")
        await driver.comes_to("settings")
        await driver.sees("idle_timeout 20m")
        await go_to(driver, "idle_timeout")
        await driver.press("x")
        await driver.sees("idle_timeout never")
    assert text_of(config) == SETTINGS


async def test_a_vault_is_renamed_told_when_to_lock_and_made_read_only(
    running: Running, config: Path
) -> None:
    async with application(running) as driver:
        await driver.press("c")
        await driver.comes_to("settings")
        await driver.press("enter")  # the name; what follows is asked for by the new one
        await driver.comes_to("setting")
        driver.app.screen.query_one("#value", Input).value = "Office"
        await driver.press("enter")
        await driver.comes_to("settings")
        await driver.sees("name Office")
        await go_to(driver, "lock_on")
        await driver.press("enter")
        await driver.comes_to("setting")
        await driver.sees("[x] screen: when the screen is locked")
        await driver.press("tab", "space", "enter")
        await driver.comes_to("settings")
        await driver.sees("lock_on sleep, logout")
        await go_to(driver, "read_only")
        await driver.press("enter")
        await driver.sees("read_only true")
    (work,) = (entry for entry in Vaults.open().entries() if entry.name == "Office")
    assert [occasion.value for occasion in work.autolock.lock_on] == ["sleep", "logout"]
    assert work.read_only


async def test_an_action_gets_another_key_unless_it_is_taken(
    running: Running, config: Path
) -> None:
    async with application(running) as driver:
        await driver.press("S", "K")
        await driver.comes_to("keymap")
        await driver.sees('In the settings file it is "vault.unlock", below [keys].')
        await driver.press("enter")
        await driver.comes_to("key")
        await driver.sees("Press the key for: Unlock the vault, or those that are marked.")
        await driver.press("l")
        await driver.sees("l is taken already: vault.lock.")
        await driver.press("enter")
        await driver.comes_to("key")
        await driver.press("down")
        await driver.sees("down stays what it is: it is wanted in every dialog.")
        await driver.press("enter")
        await driver.comes_to("key")
        await driver.press("ctrl+o")
        await driver.sees("ctrl+o Unlock")
        await driver.press("escape", "escape")
        await driver.comes_to("home")
        await driver.press("ctrl+o")
        await driver.comes_to("unlock")
        await driver.press("escape", "S", "K")
        await driver.comes_to("keymap")
        await driver.press("x")
        await driver.sees("u Unlock")
    assert "ctrl+o" not in text_of(config)


async def test_an_editor_that_is_missing_is_said_in_place(
    running: Running, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with application(running) as driver:
        await driver.press("S", "e")
        await driver.hears("This terminal cannot be left to an editor.")


async def test_vaults_are_moved_and_favourites_stay_before_the_others(
    running: Running, config: Path
) -> None:
    async with application(running) as driver:
        await driver.press(">")
        await eventually(lambda: order(driver) == ["Taxes", "Work", "Photos"])
        await driver.press("shift+up")
        await eventually(lambda: order(driver) == ["Work", "Taxes", "Photos"])
        await driver.press("G", "*")
        await eventually(lambda: order(driver) == ["Photos", "Work", "Taxes"])
        assert driver.app.screen.selected_status.entry.name == "Photos"
        await driver.sees("★ Photos")
        await driver.press("j", "<")
        await driver.hears("Favourites stay before the others")
        await driver.press("k", "*")
        await eventually(lambda: order(driver) == ["Work", "Taxes", "Photos"])
    assert "# the important one" in text_of(config)


@pytest.mark.parametrize(
    ("asked", "text", "drawn"),
    [(False, "", False), (True, "", True), (False, "ascii = true\n", True)],
)
def test_plain_characters_are_drawn_by_an_option_or_by_the_settings(
    config: Path, monkeypatch: pytest.MonkeyPatch, asked: bool, text: str, drawn: bool
) -> None:
    config.write_text(text + SETTINGS)
    runs: list[bool] = []

    def run(_vaults: Vaults, *, ascii_only: bool) -> int:
        runs.append(ascii_only)
        return 0

    monkeypatch.setattr("vaultui.tui.app.run", run)
    monkeypatch.setattr(gc, "disable", lambda: None)
    assert _start_application(asked) == 0
    assert runs == [drawn]
