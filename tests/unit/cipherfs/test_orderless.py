"""Where the disk keeps no order, a rename takes place between the syncs that it needs."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs import filesystem, orderless
from vaultui.cipherfs.orderless import OrderlessDurability

LONG, OTHER = "l" * 200, "m" * 200


@pytest.fixture
def seen(vault: OpenVolume, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of all syncs, renames and removals, by the last names on disk."""
    calls: list[str] = []

    def shown(name: str) -> str:
        if name.endswith(".name"):
            return "companion"
        return "IV" if name == "gocryptfs.diriv" else "entry"

    def noting(word: str, call: Callable[..., object]) -> Callable[..., object]:
        def noted(first: bytes | str | int, *rest: object, **options: object) -> object:
            is_fd = isinstance(first, int)
            path = os.readlink(f"/proc/self/fd/{first}") if is_fd else os.fsdecode(first)
            calls.append(f"{word} {shown(os.path.basename(path))}")
            return call(first, *rest, **options) if word != "sync" else None

        return noted

    monkeypatch.setattr(filesystem, "ORDERED_MAGICS", frozenset())
    vault.reopen()
    vault.write("saved", b"saved")
    vault.write(LONG, b"long")
    vault.sync("")
    for name, word in (("fsync", "sync"), ("rename", "rename"), ("unlink", "remove")):
        monkeypatch.setattr(os, name, noting(word, getattr(os, name)))
    return calls


def test_a_new_companion_is_on_the_disk_before_something_is_renamed_to_its_name(
    vault: OpenVolume, seen: list[str]
) -> None:
    vault.rename("saved", OTHER)
    # The first rename gives the companion its name.
    assert seen == [
        "rename companion",
        "sync companion",
        "sync entry",
        "sync entry",
        "rename entry",
    ]


def test_an_old_companion_goes_when_the_rename_is_on_the_disk(
    vault: OpenVolume, seen: list[str]
) -> None:
    vault.rename(LONG, "short")
    assert seen == ["rename entry", "sync entry", "remove companion"]


def test_the_iv_of_a_new_directory_is_on_the_disk_before_something_is_moved_there(
    vault: OpenVolume, seen: list[str]
) -> None:
    vault.mkdir("dir")
    seen.clear()
    vault.rename("saved", "dir/saved")
    assert seen[:2] == ["sync IV", "sync entry"]
    assert seen[-1] == "rename entry"
    seen.clear()
    vault.rename("dir/saved", "dir/other")
    assert seen == ["rename entry"]


def test_each_is_synced_by_itself_because_a_sync_of_all_may_do_nothing(
    vault: OpenVolume, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.sync("")
    monkeypatch.setattr(orderless, "_AT_ONCE", 10)
    for number in range(60):
        vault.mkdir(f"dir{number}")
    assert seen.count("sync IV") == 0
    open_files = len(os.listdir("/proc/self/fd"))
    job = vault.fs._durability.before_directory(vault.fs._inodes.root)
    assert len(os.listdir("/proc/self/fd")) == open_files + 10
    job.then(os.dup(vault._fd), data_only=False)
    job()
    assert seen.count("sync IV") == 60


def test_there_is_an_end_to_what_is_remembered(
    vault: OpenVolume, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.sync("")
    monkeypatch.setattr(orderless, "_AT_ONCE", 10)
    monkeypatch.setattr(OrderlessDurability, "_remembered", 40)
    for number in range(60):
        vault.mkdir(f"dir{number}")
    assert seen.count("sync IV") == 20
    vault.sync("")
    assert seen.count("sync IV") == 60


def test_where_the_disk_refuses_the_sync_after_it_the_old_companion_stays(
    vault: OpenVolume, seen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        vault.rename(LONG, "short")
    assert vault.read("short") == b"long"
    assert any(name.endswith(".name") for name in vault.raw_entries())
