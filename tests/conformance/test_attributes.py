"""Modes, owners, times, extended attributes and what statfs says."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from capabilities import needs
from patterns import content, fails_with, opened
from places import Place


def test_modes_of_files_are_kept(place: Place) -> None:
    modes = {oct(mode): mode for mode in (0o644, 0o000, 0o777, 0o4755, 0o2711, 0o1600, 0o400)}
    for name, mode in modes.items():
        (place / name).write_bytes(b"x")
        (place / name).chmod(mode)
    place.reread()
    assert {name: stat.S_IMODE((place / name).stat().st_mode) for name in modes} == modes


def test_a_mode_changed_through_a_descriptor_is_kept(place: Place) -> None:
    with opened(place / "file", os.O_RDWR | os.O_CREAT) as file:
        os.fchmod(file, 0o640)
    with opened(place.root, os.O_RDONLY) as folder:
        os.fchmod(folder, 0o711)
    place.reread()
    assert stat.S_IMODE((place / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE(place.root.stat().st_mode) == 0o711


@needs("root")
def test_owners_are_kept(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    (place / "link").symlink_to("file")
    os.chown(place / "file", 1234, 5678)
    os.chown(place / "link", 4321, 8765, follow_symlinks=False)
    place.reread()
    found = (place / "file").stat()
    assert (found.st_uid, found.st_gid) == (1234, 5678)
    found = (place / "link").lstat()
    assert (found.st_uid, found.st_gid) == (4321, 8765)
    os.chown(place / "file", -1, 99)
    assert ((place / "file").stat().st_uid, (place / "file").stat().st_gid) == (1234, 99)


def test_times_are_kept_to_the_nanosecond(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    (place / "dir").mkdir()
    (place / "link").symlink_to("file")
    for name in ("file", "dir", "link"):
        os.utime(
            place / name,
            ns=(1_111_111_111_123_456_789, 1_222_222_222_987_654_321),
            follow_symlinks=False,
        )
    place.reread()
    for name in ("file", "dir", "link"):
        assert (place / name).lstat().st_mtime_ns == 1_222_222_222_987_654_321
    assert (place / "file").stat().st_atime_ns == 1_111_111_111_123_456_789


def test_times_before_1970_and_after_2038_are_kept(place: Place) -> None:
    for name, seconds in (("old", -1_000_000_000), ("new", 5_000_000_000)):
        (place / name).write_bytes(b"x")
        os.utime(place / name, ns=(seconds * 10**9 + 5, seconds * 10**9 + 7))
    place.reread()
    assert (place / "old").stat().st_mtime_ns == -1_000_000_000 * 10**9 + 7
    assert (place / "new").stat().st_mtime_ns == 5_000_000_000 * 10**9 + 7


def test_a_time_set_on_an_open_file_survives_its_closing(place: Place) -> None:
    with opened(place / "file", os.O_RDWR | os.O_CREAT) as file:
        os.write(file, content(5000))
        os.utime(file, ns=(10**18, 10**18 + 1))
    place.reread()
    assert (place / "file").stat().st_mtime_ns == 10**18 + 1


def test_writing_moves_mtime_and_changing_attributes_does_not(place: Place) -> None:
    path = place / "file"
    path.write_bytes(b"x")
    os.utime(path, ns=(10**18, 10**18))
    path.chmod(0o600)
    assert path.stat().st_mtime_ns == 10**18
    with opened(path, os.O_WRONLY) as file:
        os.write(file, b"y")
    place.reread()
    assert path.stat().st_mtime_ns > 10**18


def test_changing_a_directory_moves_its_mtime(place: Place) -> None:
    changes: dict[str, Callable[[Path], object]] = {
        "create": lambda folder: (folder / "new").write_bytes(b""),
        "unlink": lambda folder: (folder / "one").unlink(),
        "rename": lambda folder: (folder / "one").rename(folder / "two"),
        "mkdir": lambda folder: (folder / "sub").mkdir(),
        "symlink": lambda folder: (folder / "link").symlink_to("one"),
        "link": lambda folder: os.link(folder / "one", folder / "two"),
    }
    for name, change in changes.items():
        folder = place / name
        folder.mkdir()
        (folder / "one").write_bytes(b"x")
        os.utime(folder, ns=(10**18, 10**18))
        change(folder)
    place.reread()
    assert [name for name in changes if (place / name).stat().st_mtime_ns <= 10**18] == []


@needs("user-xattrs")
@pytest.mark.parametrize("kind", ["file", "dir"])
def test_extended_attributes_are_kept_listed_and_removed(place: Place, kind: str) -> None:
    path = place / kind
    path.write_bytes(b"x") if kind == "file" else path.mkdir()
    values = {
        "user.empty": b"",
        "user.text": b"value",
        "user.bytes": bytes(range(256)),
        "user.long": content(2000),
        "user." + "n" * 100: b"long name",
        "user.ünïcode": "wört".encode(),
    }
    for name, value in values.items():
        os.setxattr(path, name, value)
    place.reread()
    assert {name for name in os.listxattr(path) if name.startswith("user.")} == set(values)
    for name, value in values.items():
        assert os.getxattr(path, name) == value
    os.removexattr(path, "user.text")
    with fails_with(errno.ENODATA):
        os.getxattr(path, "user.text")
    with fails_with(errno.ENODATA):
        os.removexattr(path, "user.text")


@needs("user-xattrs")
def test_create_and_replace_flags_of_setxattr_are_kept(place: Place) -> None:
    path = place / "file"
    path.write_bytes(b"x")
    with fails_with(errno.ENODATA):
        os.setxattr(path, "user.a", b"1", os.XATTR_REPLACE)
    os.setxattr(path, "user.a", b"1", os.XATTR_CREATE)
    with fails_with(errno.EEXIST):
        os.setxattr(path, "user.a", b"2", os.XATTR_CREATE)
    os.setxattr(path, "user.a", b"3", os.XATTR_REPLACE)
    assert os.getxattr(path, "user.a") == b"3"


@needs("user-xattrs")
def test_extended_attributes_work_through_a_descriptor(place: Place) -> None:
    with opened(place / "file", os.O_RDWR | os.O_CREAT) as file:
        os.setxattr(file, "user.a", b"1")
        assert os.getxattr(file, "user.a") == b"1"
        assert "user.a" in os.listxattr(file)
        os.removexattr(file, "user.a")
        assert "user.a" not in os.listxattr(file)


def test_access_answers_for_the_owner(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    (place / "file").chmod(0o600)
    assert os.access(place / "file", os.R_OK | os.W_OK)
    assert not os.access(place / "file", os.X_OK)  # root too: no x bit is set at all
    (place / "file").chmod(0o700)
    assert os.access(place / "file", os.X_OK)
    assert not os.access(place / "nothing", os.F_OK)


def test_a_program_on_the_mount_can_be_executed(place: Place) -> None:
    program = place / "program"
    program.write_bytes(b"#!/bin/sh\necho ran\n")
    program.chmod(0o755)
    pid = os.posix_spawn(
        program,
        [program],
        {"PATH": "/usr/bin:/bin"},
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_statfs_tells_of_a_file_system_with_room(place: Place) -> None:
    found = os.statvfs(place.root)
    assert found.f_blocks > 0
    assert found.f_bavail > 0
    assert found.f_bsize >= 512
    assert found.f_namemax == 255


def test_special_files_can_be_made(place: Place) -> None:
    os.mkfifo(place / "fifo", 0o640)
    os.mknod(place / "plain", stat.S_IFREG | 0o600)
    os.mknod(place / "socket", stat.S_IFSOCK | 0o600)
    place.reread()
    assert stat.S_ISFIFO((place / "fifo").stat().st_mode)
    assert stat.S_ISREG((place / "plain").stat().st_mode)
    assert stat.S_ISSOCK((place / "socket").stat().st_mode)


def test_a_fifo_carries_data_between_two_openers(place: Place) -> None:
    os.mkfifo(place / "fifo")
    with opened(place / "fifo", os.O_RDONLY | os.O_NONBLOCK) as reader:
        with opened(place / "fifo", os.O_WRONLY) as writer:
            os.write(writer, b"through")
        assert os.read(reader, 100) == b"through"


def test_space_is_given_back_after_deleting(place: Place) -> None:
    path = place / "big"
    path.write_bytes(content(1 << 20))
    assert path.stat().st_blocks * 512 >= 1 << 20
    os.truncate(path, 0)
    assert path.stat().st_blocks * 512 < 1 << 16
