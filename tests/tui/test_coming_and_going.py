"""Proves that vaults are found, imported and deleted from the application, on real directories."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openvolume
import pytest
from driver import Driver, Running
from support import eventually
from textual.widgets import Input

from vaultui.vaults import Vaults

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def application(running: Running) -> AsyncIterator[Driver]:
    async with running(Vaults.open()) as driver:
        yield driver


def volume(path: Path) -> Path:
    path.mkdir(parents=True)
    openvolume.create(path)
    return path


def names() -> list[str]:
    return [entry.name for entry in Vaults.open().entries()]


def favourite_of_sirikali(home: Path, cipherdir: Path) -> None:
    """Have SiriKali know a vault."""
    folder = home / ".config/SiriKali/favorites"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{cipherdir.name}.json").write_text(json.dumps({"volumePath": str(cipherdir)}))


async def test_a_search_finds_a_vault_that_lies_deep_and_adds_it(
    running: Running, home: Path
) -> None:
    found = volume(home / "a/b/c/d/e/letters.c")
    async with application(running) as driver:
        await driver.press("a")
        await driver.comes_to("add")
        await driver.press("f4")
        await driver.sees("~/a/b/c/d/e/letters.c")
        await driver.sees("Found in")
        await driver.press("tab", "enter")
        assert driver.app.screen.query_one("#cipherdir", Input).value == str(found)
        assert driver.app.screen.query_one("#name").has_focus
        await driver.press("enter")
        await driver.hears("letters is in the list; u unlocks it.")
    assert names() == ["letters"]


async def test_vaults_of_another_manager_are_imported_and_others_named_with_the_reason(
    running: Running, home: Path
) -> None:
    favourite_of_sirikali(home, volume(home / "Sync/Letters"))
    favourite_of_sirikali(home, volume(home / "Sync/Taxes"))
    other = home / "Sync/Old"
    other.mkdir()
    (other / "cryfs.config").touch()
    favourite_of_sirikali(home, other)
    async with application(running) as driver:
        await driver.press("i")
        await driver.comes_to("import")
        await driver.sees("[x] Letters ~/Sync/Letters (SiriKali)")
        await driver.sees("Old (SiriKali): it is of the kind CryFS")
        await driver.press("tab", "space", "enter")
        await driver.hears("Letters is in the list.")
        await driver.comes_to("home")
    assert names() == ["Letters"]


async def test_without_other_managers_there_is_nothing_to_import(running: Running) -> None:
    async with application(running) as driver:
        await driver.press("i")
        await driver.comes_to("import")
        await driver.sees("have no vault in their lists here.")
        await driver.press("enter")
        await driver.comes_to("home")


async def test_deleting_wants_the_name_typed_and_takes_the_files_of_the_volume_alone(
    running: Running, home: Path
) -> None:
    cipherdir = volume(home / "letters.c")
    (cipherdir / "my own note.txt").write_text("not of the volume")
    async with application(running) as driver:
        await driver.app.vaults.listing.add(str(cipherdir))
        await driver.app.live.refresh()
        await driver.press("D")
        await driver.comes_to("delete")
        await driver.sees("in ~/letters.c are deleted.")
        await driver.sees("1 thing there is not of the volume, and stays: my own note.txt")
        await driver.type("letter")
        await driver.press("enter")
        await driver.sees("That is not its name: letters.")
        assert (cipherdir / "gocryptfs.conf").exists()
        await driver.type("s")
        await driver.press("enter")
        await driver.hears("letters is deleted.")
        await eventually(lambda: driver.app.live.statuses == ())
    assert [path.name for path in cipherdir.iterdir()] == ["my own note.txt"]
    assert names() == []


async def test_a_directory_that_is_not_to_be_deleted_is_refused_with_the_reason(
    running: Running, home: Path
) -> None:
    cipherdir = volume(home / "letters.c")
    async with application(running) as driver:
        await driver.app.vaults.listing.add(str(cipherdir))
        await driver.app.live.refresh()
        (home / "elsewhere").mkdir()
        cipherdir.rename(home / "elsewhere/letters.c")
        cipherdir.symlink_to(home / "elsewhere/letters.c")
        await driver.press("D")
        await driver.comes_to("delete")
        await driver.sees("is a link")
        assert driver.app.screen.query_one("#typed").disabled
    assert (home / "elsewhere/letters.c/gocryptfs.conf").exists()


async def test_a_copy_of_the_volume_config_is_kept_elsewhere(running: Running, home: Path) -> None:
    cipherdir = volume(home / "letters.c")
    async with application(running) as driver:
        await driver.app.vaults.listing.add(str(cipherdir))
        await driver.app.live.refresh()
        await driver.press("v")
        await driver.comes_to("volume-info")
        await driver.sees("gocryptfs opens it as well")
        await driver.press("x")
        await driver.comes_to("export-config")
        await driver.press("enter")
        await driver.hears("The copy is ~/letters.gocryptfs.conf.")
        await driver.press("x")
        await driver.comes_to("export-config")
        await driver.press("enter")
        await driver.sees("~/letters.gocryptfs.conf")
        assert driver.app.screen.id == "export-config"
    copy = home / "letters.gocryptfs.conf"
    assert copy.read_bytes() == (cipherdir / "gocryptfs.conf").read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600
