"""A full disk is met before any damage: the write fails, and the file is what it was."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from openvolume import OpenVolume, create
from programs import run_program

from vaultui.cipherfs import fileio, space
from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.report import ReportKind
from vaultui.linux.atcalls import BTRFS_MAGIC

SMALL_DISK = 2 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[OpenVolume]:
    """Return a volume on a file system of 2 MiB."""
    disk = tmp_path / "small"
    disk.mkdir()
    run_program(
        ("mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "small", os.fspath(disk))
    ).check()
    try:
        create(disk / "cipher")
        opened = OpenVolume(disk / "cipher")
        yield opened
        opened.close()
    finally:
        run_program(("umount", "-l", os.fspath(disk))).check()


def fill(vault: OpenVolume, leave: int) -> None:
    """Take up the disk, beside the vault, but for `leave` bytes."""
    path = vault.cipherdir.parent / "ballast"
    free = os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize
    path.write_bytes(bytes(max(free - leave, 0)))


def no_space() -> pytest.RaisesExc[OSError]:
    return pytest.RaisesExc(OSError, check=lambda error: error.errno == errno.ENOSPC)


@needs("root")
@pytest.mark.parametrize("size", [0, 1, 100, 4096, 5000, 40_000])
@pytest.mark.parametrize("at", ["start", "end", "behind"])
def test_a_write_that_does_not_fit_leaves_the_file_as_it_was(
    small: OpenVolume, size: int, at: str
) -> None:
    before = os.urandom(size)
    small.write("file", before)
    fill(small, 8192)
    stored = small.cipher_path("file").read_bytes()
    offset = {"start": 0, "end": size, "behind": size + 100_000}[at]
    with small.open("file") as handle, no_space():
        small.fs.write(handle, offset, b"x" * 200_000)
    assert small.cipher_path("file").read_bytes() == stored
    small.reopen()
    assert small.read("file") == before
    assert small.attributes("file").size == size


@needs("root")
def test_a_full_disk_is_reported_once_with_the_file(small: OpenVolume) -> None:
    fill(small, 0)
    with small.open("file", os.O_RDWR | os.O_CREAT) as handle:
        for _ in range(3):
            with no_space():
                small.fs.write(handle, 0, b"x" * 10_000)
    assert [(r.kind, r.path) for r in small.reports] == [(ReportKind.STORAGE_FULL, "file")]


@needs("root")
def test_a_hole_that_cannot_be_filled_stays_a_hole(small: OpenVolume) -> None:
    small.write("sparse", b"start")
    small.truncate("sparse", 10 << 20)
    fill(small, 8192)
    with small.open("sparse") as handle:
        with no_space():
            small.fs.write(handle, 1 << 20, b"x" * 500_000)
        assert bytes(small.fs.read(handle, 1 << 20, 500_000)) == bytes(500_000)
    assert small.read("sparse")[:5] == b"start"


@needs("root")
def test_space_that_was_given_back_can_be_written(small: OpenVolume) -> None:
    fill(small, 300_000)
    with small.open("file", os.O_RDWR | os.O_CREAT) as handle:
        with no_space():
            small.fs.write(handle, 0, b"x" * 400_000)
        small.fs.write(handle, 0, b"y" * 200_000)
        small.fs.setattr(small.ino("file"), AttributeChange(size=0), handle)
        small.fs.write(handle, 0, b"z" * 200_000)
    assert small.read("file") == b"z" * 200_000


@needs("root")
def test_a_truncation_still_works_on_a_full_disk(small: OpenVolume) -> None:
    content = os.urandom(50_000)
    small.write("file", content)
    fill(small, 0)
    small.truncate("file", 30_001)
    small.reopen()
    assert small.read("file") == content[:30_001]


@needs("root")
def test_nothing_is_left_of_entries_that_did_not_fit(small: OpenVolume) -> None:
    before = small.raw_entries()
    fill(small, 0)
    for call in (
        lambda: small.mkdir("d" * 200),
        lambda: small.mkdir("d"),
        lambda: small.write("f" * 200, b"x" * 10_000),
    ):
        with no_space():
            call()
    assert {name for name in small.raw_entries() if name.endswith(".name")} == (
        {small.cipher_path("f" * 200).name + ".name"} if small.exists("f" * 200) else set()
    )
    assert small.list() in ([], ["f" * 200])
    assert before == set()


# On a disk with plenty of space nothing is reserved, but a quota may still say no.


def test_plenty_of_space_is_not_reserved_and_little_is(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved: list[tuple[int, int]] = []
    monkeypatch.setattr(
        space, "fallocate_keep_size", lambda _fd, at, size: reserved.append((at, size))
    )
    monkeypatch.setattr(space, "PLENTY", 0)
    vault.reopen()
    vault.write("file", b"x" * 10_000)
    vault.write("file", b"y" * 10_000, 10_000)
    assert reserved == []
    monkeypatch.setattr(space, "PLENTY", 1 << 62)
    vault.reopen()
    vault.write("file", b"z" * 5000, 20_000)
    vault.write("new", b"w")
    assert reserved == [(18 + 4 * 4128, 20_000 + 5000 - 4 * 4096 + 3 * 32), (0, 18 + 33)]


def test_a_hole_is_reserved_however_much_space_there_is(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserved: list[int] = []
    monkeypatch.setattr(space, "fallocate_keep_size", lambda _fd, at, _size: reserved.append(at))
    monkeypatch.setattr(space, "PLENTY", 0)
    vault.write("file", b"x")
    vault.truncate("file", 1 << 20)
    vault.write("file", b"y" * 4096, 8192)
    assert reserved[-1] == 18 + 2 * 4128


def test_without_preallocation_nothing_is_reserved(
    cipherdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: int) -> None:
        pytest.fail("reserved all the same")

    monkeypatch.setattr(space, "fallocate_keep_size", refuse)
    vault = OpenVolume(cipherdir, prealloc=False)
    vault.write("file", b"x" * 10_000)
    vault.close()


def test_on_btrfs_nothing_is_reserved(vault: OpenVolume, monkeypatch: pytest.MonkeyPatch) -> None:
    # There each write into reserved space takes new space, and the old one is never given back.
    def refuse(*_args: int) -> None:
        pytest.fail("reserved all the same")

    monkeypatch.setattr(space, "filesystem_magic", lambda _fd: BTRFS_MAGIC)
    monkeypatch.setattr(space, "fallocate_keep_size", refuse)
    monkeypatch.setattr(space, "PLENTY", 1 << 62)
    vault.write("file", b"x" * 10_000)


def test_on_btrfs_with_a_quota_space_is_reserved_before_a_file_grows(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Over quota it refuses to cut off what a write that stopped halfway has left.
    reserved: list[int] = []
    monkeypatch.setattr(space, "filesystem_magic", lambda _fd: BTRFS_MAGIC)
    monkeypatch.setattr(space.btrfs, "has_quota_limits", lambda _fd: True)
    monkeypatch.setattr(space, "PLENTY", 0)
    monkeypatch.setattr(space, "fallocate_keep_size", lambda _fd, _at, size: reserved.append(size))
    vault.write("file", b"x" * 10_000)
    assert reserved == [18 + 3 * 32 + 10_000]


def test_a_file_system_that_cannot_reserve_is_asked_once(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def unsupported(*args: int) -> None:
        asked.append(args)
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(space, "fallocate_keep_size", unsupported)
    monkeypatch.setattr(space, "PLENTY", 1 << 62)
    for number in range(5):
        vault.write(f"file{number}", b"x" * 10_000)
    assert len(asked) == 1
    assert vault.read("file4") == b"x" * 10_000


@pytest.mark.parametrize("size", [0, 1, 100, 4096, 5000, 40_000])
@pytest.mark.parametrize("at", ["start", "end", "behind"])
@pytest.mark.parametrize("written", [0, 1, 18, 5000, 50_000])
def test_a_write_that_stops_halfway_is_undone(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch, size: int, at: str, written: int
) -> None:
    """As a quota stops it: part of the run is on disk, then comes the error."""
    before = os.urandom(size)
    vault.write("file", before)
    ino = vault.ino("file")
    offset = {"start": size // 4096 * 4096, "end": size, "behind": size + 100_000}[at]
    real = os.pwrite
    room = written

    def pwrite(fd: int, data: bytes, where: int) -> int:
        nonlocal room
        if room < 0:
            return real(fd, data, where)  # what is freed can be written again
        part = bytes(data)[:room]
        room -= len(part)
        if not part:
            room = -1
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return real(fd, part, where)

    handle = vault.fs.open(ino, os.O_RDWR).handle
    with monkeypatch.context() as patch:
        patch.setattr(fileio.os, "pwrite", pwrite)
        with pytest.RaisesExc(OSError, check=lambda error: error.errno == errno.EDQUOT):
            vault.fs.write(handle, offset, b"x" * 200_000)
    assert vault.read_handle(handle) == before
    vault.fs.write(handle, size, b"and more")
    vault.reopen()
    assert vault.read("file") == before + b"and more"
