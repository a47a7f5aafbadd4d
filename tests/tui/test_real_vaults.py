"""Proves the application on real vaults: made by gocryptfs, mounted by our backend, used by others.

The application runs in this process and never touches a mount; everything that does is a
process of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from capabilities import needs
from driver import Driver, Running
from support import Gocryptfs, eventually, mountpoints_below, run_program, wait_until
from textual.widgets import Input

from vaultui.model.states import VaultState
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.vaults import Vaults

pytestmark = [pytest.mark.anyio, needs("fuse", "gocryptfs")]

PASSWORD = "correct horse battery"


@pytest.fixture
def volume(home: Path) -> Gocryptfs:
    """Return a volume called Work that the real gocryptfs made."""
    made = Gocryptfs(home, cipherdir=home / "Work", mountpoint=home / "check")
    made.create()
    return made


@asynccontextmanager
async def application(running: Running, **options: object) -> AsyncIterator[Driver]:
    """Run the application on the vaults of this test's home."""
    async with running(Vaults.open(), real_clock=True, **options) as driver:
        yield driver


async def add_work(driver: Driver, volume: Gocryptfs) -> None:
    await driver.press("a")
    await driver.comes_to("add")
    driver.app.screen.query_one("#cipherdir", Input).value = str(volume.cipherdir)
    await driver.press("enter")
    await driver.comes_to("home")
    await driver.sees("○ locked Work")


async def unlock(driver: Driver, password: str = PASSWORD) -> None:
    await driver.press("u")
    await type_password(driver, password)


async def type_password(driver: Driver, password: str = PASSWORD) -> None:
    await eventually(lambda: isinstance(driver.app.focused, SecretInput), what="the form")
    await driver.type(password)
    await driver.press("enter")


def state(driver: Driver) -> VaultState:
    return driver.app.live.statuses[0].state


async def lock(driver: Driver) -> None:
    driver.app.screen.query_one("#vaults").focus()
    await driver.press("l")
    await eventually(lambda: state(driver) is VaultState.LOCKED, 20, "Work is locked")


def in_a_child(script: str, *words: str | Path) -> bytes:
    """Run a shell script that may touch the mount; return its output."""
    return run_program(("sh", "-ec", script, "sh", *words)).check().stdout


def hold_open(path: Path) -> subprocess.Popen[bytes]:
    """Return a process that has a file of the vault open for writing."""
    holder = subprocess.Popen(
        ("sh", "-c", 'exec 3> "$1"; echo ready; exec sleep 60', "sh", path),
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"ready\n"
    return holder


async def test_a_vault_is_added_unlocked_used_locked_and_read_by_gocryptfs(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await unlock(driver, "not the password")
        await driver.sees("Password incorrect.")
        assert mountpoints_below(home) == []
        await driver.type(PASSWORD)
        await driver.press("enter")
        await driver.hears("Work is open at ~/Vaults/Work")
        mountpoint = home / "Vaults/Work"
        assert mountpoints_below(home) == [str(mountpoint)]
        await asyncio.to_thread(in_a_child, 'echo "kept" > "$1/letter.txt"', mountpoint)
        await driver.press("4")
        # With the first state the pane forgets the paths of the vault before.
        await eventually(lambda: driver.app.screen.query_one("Paths").status is not None)
        driver.app.screen.query_one("#path-question", Input).value = "letter.txt"
        await driver.sees("Ciphertext")
        answer = driver.app.screen.query_one("Paths")._answer
        assert (volume.cipherdir / answer.cipher).exists()
        await lock(driver)
    with volume:
        content = await asyncio.to_thread(in_a_child, 'cat "$1/letter.txt"', volume.mountpoint)
    assert content == b"kept\n"


async def test_open_files_and_their_holders_show_and_a_busy_lock_offers_to_end_them(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await unlock(driver)
        await driver.hears("Work is open")
        held = home / "Vaults/Work/held.txt"
        with await asyncio.to_thread(hold_open, held) as holder:
            try:
                await eventually(lambda: driver.app.live.statuses[0].open_files == 1, 20)
                await driver.sees("w held.txt")
                await eventually(lambda: state(driver) is VaultState.OPEN, 20)
                await driver.press("l")
                await driver.comes_to("busy", 20)
                await driver.sees(f"{holder.pid} sleep open file held.txt")
                await driver.press("t")
                await asyncio.to_thread(holder.wait, 20)
                assert holder.returncode == -signal.SIGTERM
            finally:
                holder.kill()
        await eventually(lambda: state(driver) is VaultState.LOCKED, 20)
    assert mountpoints_below(home) == []


async def test_quitting_leaves_it_open_and_the_next_start_finds_it_again(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await unlock(driver)
        await driver.hears("Work is open")
        await driver.press("q")
    assert mountpoints_below(home) == [str(home / "Vaults/Work")]
    async with application(running) as driver:
        await driver.sees("● open Work")
        await lock(driver)


async def test_a_killed_backend_shows_as_broken_and_r_makes_it_usable_again(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await unlock(driver)
        await driver.hears("Work is open")
        await eventually(lambda: driver.app.live.statuses[0].backend_pid is not None)
        os.kill(driver.app.live.statuses[0].backend_pid, signal.SIGKILL)
        await driver.sees("✖ broken", 20)
        await driver.press("R")
        await driver.comes_to("confirm", 20)
        await driver.press("enter")
        await type_password(driver)
        await eventually(lambda: state(driver) is VaultState.OPEN, 30)
        await lock(driver)
    assert mountpoints_below(home) == []


async def test_a_lock_by_somebody_else_shows_at_once(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await unlock(driver)
        await driver.hears("Work is open")
        driver.app.live.frozen = False
        await asyncio.to_thread(run_program, ("fusermount3", "-u", home / "Vaults/Work"))
        await driver.sees("○ locked Work")


async def test_cancelling_an_unlock_leaves_no_process_and_no_mount(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await unlock(driver)
        await driver.press("escape")
        await driver.comes_to("home", 20)
        await eventually(lambda: driver.app.jobs.of(driver.app.screen.selected) is None)
        if state(driver) is not VaultState.LOCKED:  # it was open before the key arrived
            await driver.app.live.refresh()
        if state(driver) in {VaultState.OPEN, VaultState.BUSY}:
            await lock(driver)
    wait_until(lambda: mountpoints_below(home) == [], what="nothing is mounted")


async def test_a_check_finds_the_block_that_was_damaged_and_names_its_file(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    with volume:
        script = 'echo whole > "$1/whole.txt"; head -c 200000 /dev/urandom > "$1/hurt.bin"'
        await asyncio.to_thread(in_a_child, script, volume.mountpoint)
    await asyncio.to_thread(damage_the_largest, volume.cipherdir)
    async with application(running) as driver:
        await add_work(driver, volume)
        await driver.press("V")
        await driver.comes_to("check")
        await driver.type(PASSWORD)
        await driver.press("enter")
        await driver.comes_to("checking", 40)
        await driver.sees("Work has damage: 1 damaged of 2 files", 40)
        await driver.sees("hurt.bin")
        assert "whole.txt" not in driver.text


def damage_the_largest(cipherdir: Path) -> None:
    """Turn over a bit in the middle of the largest file."""
    largest = max((path for path in cipherdir.iterdir()), key=lambda path: path.stat().st_size)
    largest.chmod(0o600)
    with largest.open("r+b") as file:
        file.seek(100_000)
        byte = file.read(1)[0]
        file.seek(100_000)
        file.write(bytes([byte ^ 1]))


async def test_one_password_opens_two_vaults_and_panic_puts_both_away_with_a_holder_killed(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    shutil.copytree(volume.cipherdir, home / "Taxes")
    async with application(running) as driver:
        await add_work(driver, volume)
        await driver.app.vaults.listing.add(str(home / "Taxes"))
        await driver.app.live.refresh()
        driver.app.screen.query_one("#vaults").focus()
        await driver.press("g", "space", "space", "u")
        await driver.comes_to("unlock-several")
        await driver.type(PASSWORD)
        await driver.press("enter")
        await driver.hears("Work and Taxes are open.", 40)
        both = sorted(str(home / "Vaults" / name) for name in ("Work", "Taxes"))
        assert sorted(mountpoints_below(home)) == both
        with await asyncio.to_thread(hold_open, home / "Vaults/Taxes/held.txt") as holder:
            try:
                await driver.press("!")
                await driver.comes_to("confirm")
                await driver.press("enter")
                await driver.hears("Work and Taxes are locked.", 40)
                await asyncio.to_thread(holder.wait, 20)
                assert holder.returncode == -signal.SIGKILL
            finally:
                holder.kill()
    assert mountpoints_below(home) == []


async def test_lock_all_waits_for_a_holder_and_the_backend_goes_on_waiting_after_quitting(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await unlock(driver)
        await driver.hears("Work is open")
        holder = await asyncio.to_thread(hold_open, home / "Vaults/Work/held.txt")
        try:
            await driver.press("L")
            await driver.comes_to("lock-all")
            await driver.sees(f"held by sleep ({holder.pid})")
            await driver.press("w")
            await driver.hears("What is held is locked when it is free")
            await driver.press("q")
            assert mountpoints_below(home) == [str(home / "Vaults/Work")]
        finally:
            holder.kill()
            await asyncio.to_thread(holder.communicate)
    await eventually(lambda: mountpoints_below(home) == [], 20, "the backend locks it")


async def test_a_recovery_key_made_here_opens_the_vault_and_the_drill_proves_it(
    running: Running, volume: Gocryptfs, home: Path
) -> None:
    async with application(running) as driver:
        await add_work(driver, volume)
        await driver.press("K")
        await driver.sees("One key opens this vault:")
        await driver.press("r")
        await driver.comes_to("add-key")
        await driver.type("not the password")
        await driver.press("tab")
        await driver.type("in the safe")
        await driver.press("enter")
        await driver.sees("Password incorrect.")
        assert driver.app.screen.query_one("#label", Input).value == "in the safe"
        await driver.type(PASSWORD)
        await driver.press("enter")
        await driver.comes_to("recovery-key")
        paper = read_off(driver)
        await driver.press("s")
        await driver.comes_to("sheet-form")
        await driver.press("enter")
        await driver.comes_to("recovery-key")
        assert f"Recovery key of {volume.cipherdir.name}" in (home / "recovery-key.svg").read_text()
        await driver.press("t")
        await driver.comes_to("try-key")
        await driver.type(paper[:-1])
        await driver.press("enter")
        await driver.sees("in group 13")
        await driver.type(paper[-1])
        await driver.press("enter")
        await driver.hears("The recovery key opens Work.")
        await driver.hears("gocryptfs does not open it from now on")
        await driver.sees("recovery key in the safe")
        await driver.press("d")
        await driver.comes_to("drill")
        await driver.type(paper.replace("-", " ").lower())
        await driver.press("enter")
        await driver.sees("It opened Work;", 40)
        await driver.press("escape", "escape")
        assert mountpoints_below(home) == []
        await unlock(driver, paper)
        await driver.hears("Work is open at ~/Vaults/Work")
        await driver.comes_to("home")
        await driver.sees("● open Work")
        await lock(driver)


def read_off(driver: Driver) -> str:
    """Return the recovery key that the screen shows, with dashes between its groups."""
    return "-".join(re.findall(r"\b\d{1,2} ([0-9A-Z]{5})\b", driver.text))
