"""A new directory has an IV that was on the disk before it, and nobody waits for that."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from openvolume import OpenVolume
from support import wait_until

from vaultui.cipherfs import metadata, spareivs


@pytest.fixture
def vault(cipherdir: Path) -> Iterator[OpenVolume]:
    opened = OpenVolume(cipherdir, spare_ivs=True)
    yield opened
    opened.close()


def filled(vault: OpenVolume) -> None:
    """Wait for a whole stock; the first mkdir begins it, and may get one of them."""
    vault.mkdir("first")
    stock = vault.fs._spare_ivs._spare
    wait_until(lambda: len(stock) >= spareivs.STOCK - 1, 20, "there are spare IVs")


def test_a_new_directory_gets_an_iv_that_was_synced_before(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    really_sync = os.fsync

    def sync(fd: int) -> None:
        really_sync(fd)
        synced.add(os.fstat(fd).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    filled(vault)

    def fail(*_args: object) -> None:
        raise AssertionError("it was written in the mkdir")

    monkeypatch.setattr(metadata, "_write_new", fail)
    names = [f"dir{number}" for number in range(spareivs._LOW - 1)]
    for name in names:
        vault.mkdir(name)
    ivs = [vault.cipher_path(name).joinpath("gocryptfs.diriv") for name in names]
    assert len({iv.read_bytes() for iv in ivs}) == len(ivs)
    assert {iv.stat().st_ino for iv in ivs} <= synced
    assert {(iv.stat().st_size, iv.stat().st_mode & 0o7777, iv.stat().st_nlink) for iv in ivs} == {
        (16, 0o444, 1)
    }


def test_a_sync_in_a_new_directory_syncs_the_directory_and_its_iv_not_again(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(vault)
    vault.mkdir("dir")
    vault.write("dir/file", b"x")
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    with vault.open("dir/file") as handle:
        vault.fs.fsync(handle, False)
    assert synced == [str(vault.cipher_path("dir")), str(vault.cipher_path("dir/file"))]


def test_more_directories_than_there_are_spare_ivs_are_made_all_the_same(
    vault: OpenVolume,
) -> None:
    for number in range(3 * spareivs.STOCK):
        vault.mkdir(f"dir{number}")
        vault.write(f"dir{number}/file", b"x")
    vault.reopen()
    assert all(vault.list(f"dir{number}") == ["file"] for number in range(3 * spareivs.STOCK))


def test_nothing_of_the_spare_ivs_is_left_after_a_close(vault: OpenVolume) -> None:
    before = len(os.listdir("/proc/self/fd"))
    filled(vault)
    vault.close()
    assert len(os.listdir("/proc/self/fd")) <= before
    assert "spare-ivs" not in {thread.name for thread in threading.enumerate()}
    assert len(os.listdir(vault.cipherdir)) == len({"its IV", "its config", "first"})


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.ENOSPC, errno.EXDEV])
def test_where_there_are_no_spare_ivs_each_directory_has_its_own(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    really_open = os.open

    def fail(*_args: object, **_kwargs: object) -> int:
        raise OSError(number, os.strerror(number))

    def opened(path: bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            return fail()
        return really_open(path, flags, mode, dir_fd=dir_fd)

    if number == errno.EXDEV:
        filled(vault)
        monkeypatch.setattr(os, "link", fail)
    else:
        monkeypatch.setattr(os, "open", opened)
    for name in ("one", "two"):
        vault.mkdir(name)
        vault.write(f"{name}/file", b"x")
    assert sorted(vault.list("one") + vault.list("two")) == ["file", "file"]
