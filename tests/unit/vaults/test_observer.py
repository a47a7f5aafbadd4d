"""Looking at many vaults at once: what hangs is given up in time and holds nobody else up."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from vaultui.linux.mountinfo import Mount, read_mounts
from vaultui.model.ids import VaultId
from vaultui.model.states import VaultState
from vaultui.vaults import observer
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.observer import cipherdir_problem, find_mount, observe, observe_all
from vaultui.vaults.paths import Paths, default_paths
from vaultui.vaults.waiting import in_thread, readable

MOUNT = Mount(7, 1, "0:50", "/", "/m", "fuse.vaultfs", "/c", ("rw",))


@pytest.fixture
def paths() -> Paths:
    found = default_paths()
    found.ensure_runtime_dir()
    return found


def entry(number: int, cipherdir: str | Path, mountpoint: str = "/m") -> VaultEntry:
    return VaultEntry(VaultId(f"{number:016x}"), f"V{number}", str(cipherdir), mountpoint)


@pytest.fixture
def hanging_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every look at a cipher directory called `hangs` wait, as a dead NFS server does."""
    release = threading.Event()

    def look(cipherdir: str) -> str:
        if cipherdir.endswith("hangs"):
            release.wait(60)
        return cipherdir_problem(cipherdir)

    monkeypatch.setattr(observer, "cipherdir_problem", look)
    yield
    release.set()


def test_directories_that_hang_are_given_up_together_and_named(
    paths: Paths, tmp_path: Path, hanging_disk: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there"
    there.mkdir()
    monkeypatch.setattr(observer, "ANSWER_TIMEOUT_S", 1.0)
    entries = [entry(n, tmp_path / "hangs") for n in range(20)] + [entry(99, there)]
    began = time.monotonic()
    states = asyncio.run(observe_all(paths, entries))
    assert time.monotonic() - began < 10, "one after the other they would take twenty seconds"
    assert [status.state for status in states[:20]] == [VaultState.MISSING] * 20
    assert "does not answer" in states[0].explanation
    assert states[20].state is VaultState.LOCKED


def test_a_cipher_directory_is_there_or_it_is_said_why_not(tmp_path: Path) -> None:
    assert cipherdir_problem(str(tmp_path)) == ""
    (tmp_path / "file").touch()
    for gone in (tmp_path / "gone", tmp_path / "file"):
        assert str(gone) in cipherdir_problem(str(gone))


def test_the_mount_of_a_vault_is_told_from_others_at_its_place() -> None:
    vault = entry(1, "/c")
    assert find_mount(vault, None, [MOUNT]) == MOUNT
    for foreign in (
        replace(MOUNT, fstype="fuse.sshfs"),
        replace(MOUNT, fstype="tmpfs", source="none"),
        replace(MOUNT, source="/another.c"),
    ):
        assert find_mount(vault, None, [foreign]) is None


def test_a_vault_that_is_mounted_elsewhere_is_found_by_its_source() -> None:
    elsewhere = replace(MOUNT, mountpoint="/elsewhere", fstype="fuse.gocryptfs")
    assert find_mount(entry(1, "/c"), None, [elsewhere]) == elsewhere


def test_commas_of_a_path_are_underscores_in_the_mount_table() -> None:
    mount = replace(MOUNT, source="/a_b.c")
    assert find_mount(entry(1, "/a,b.c"), None, [mount]) == mount


def test_a_cipher_directory_behind_a_link_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    mount = replace(MOUNT, source=str(tmp_path / "real"))
    assert find_mount(entry(1, tmp_path / "link"), None, [mount]) == mount


def test_the_real_mount_table_has_no_vault_here() -> None:
    assert find_mount(entry(1, "/nowhere", "/proc"), None, read_mounts()) is None


def test_waiting_for_a_thread_can_be_given_up() -> None:
    release = threading.Event()

    async def give_up() -> None:
        async with asyncio.timeout(0.05):
            await in_thread(release.wait, 60)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    release.set()


def test_a_thread_hands_over_results_and_failures() -> None:
    assert asyncio.run(in_thread(int, "7")) == 7
    with pytest.raises(ValueError, match="invalid literal"):
        asyncio.run(in_thread(int, "seven"))


def test_a_descriptor_is_waited_for_with_a_limit() -> None:
    near, far = socket.socketpair()
    with near, far:
        assert not asyncio.run(readable(near.fileno(), 0.01))
        far.send(b"x")
        assert asyncio.run(readable(near.fileno(), 10))


def test_a_dead_mount_that_is_detached_meanwhile_does_not_show_as_opened_by_another(
    paths: Paths, tmp_path: Path
) -> None:
    """For a moment a killed backend's vault was open, and its end was announced twice."""
    gone = replace(MOUNT, mountpoint=str(tmp_path), source=str(tmp_path))
    vault = entry(7, tmp_path, str(tmp_path))
    assert asyncio.run(observe(paths, vault, [gone])).state is VaultState.LOCKED
