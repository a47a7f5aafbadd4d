"""System calls that the os module lacks do what they say, and fail with the right errno."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from vaultui.linux import atcalls


@pytest.fixture
def fd(tmp_path: Path) -> int:
    """Return a descriptor of a new file that holds ten bytes."""
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return os.open(path, os.O_RDWR)


def test_reserved_space_is_taken_but_not_shown(fd: int) -> None:
    atcalls.fallocate_keep_size(fd, 0, 1 << 20)
    status = os.fstat(fd)
    assert status.st_size == 10
    assert status.st_blocks * 512 >= 1 << 20
    os.close(fd)


def test_reserving_more_than_there_can_be_is_refused(fd: int) -> None:
    with pytest.raises(OSError, match="fallocate") as caught:
        atcalls.fallocate_keep_size(fd, 0, 1 << 60)
    assert caught.value.errno in (errno.ENOSPC, errno.EFBIG)
    os.close(fd)


def test_rename_without_replacing_and_exchange(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    directory = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(FileExistsError):
        atcalls.renameat2(directory, b"one", directory, b"two", atcalls.RENAME_NOREPLACE)
    atcalls.renameat2(directory, b"one", directory, b"two", atcalls.RENAME_EXCHANGE)
    assert [(tmp_path / name).read_text() for name in ("one", "two")] == ["2", "1"]
    os.close(directory)


def test_writeback_and_sync_take_a_descriptor(fd: int) -> None:
    atcalls.write_back(fd)
    atcalls.start_writeback(fd)
    atcalls.syncfs(fd)
    os.close(fd)
    with pytest.raises(OSError, match="syncfs") as caught:
        atcalls.syncfs(fd)
    assert caught.value.errno == errno.EBADF


def test_the_type_of_a_file_system_is_told() -> None:
    fd = os.open("/proc", os.O_RDONLY)
    try:
        assert atcalls.filesystem_magic(fd) == 0x9FA0  # PROC_SUPER_MAGIC, linux/magic.h
    finally:
        os.close(fd)
