"""What an ordinary user may do to files of others, and what changes hands or bits on the way.

The mounts are root's, for everybody; the user is a child process without privileges.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import let_others_in, run_as_user
from patterns import fails_with, opened, renameat2
from places import Place

pytestmark = needs("root", "ordinary-user")

BACKENDS = ("native", "gocryptfs-shared", "vaultfs-shared")

NAMES = ("short", "long" * 50)


@pytest.fixture
def open_place(place: Place) -> Place:
    """Return a place that others may enter, whose top belongs to the ordinary user."""
    let_others_in(place.root)
    os.chown(place.root, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    return place


def make(path: Path, mode: int, *, uid: int = 0, gid: int = 0, folder: bool = False) -> Path:
    """Make a file or directory that belongs to `uid`, with exactly that mode."""
    path.mkdir() if folder else path.write_bytes(b"content")
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_bits_of_a_file_decide_who_reads_and_writes(open_place: Place) -> None:
    for name, uid, mode in (
        ("mine", UNPRIVILEGED_UID, 0o077),  # the owner has only the owner's bits
        ("secret", 0, 0o600),
        ("shown", 0, 0o644),
        ("box", 0, 0o622),
    ):
        make(open_place / name, mode, uid=uid)

    def work() -> None:
        for name, may_read, may_write in (
            ("mine", False, False),
            ("secret", False, False),
            ("shown", True, False),
            ("box", False, True),
        ):
            for flags, may in ((os.O_RDONLY, may_read), (os.O_WRONLY, may_write)):
                if may:
                    with opened(open_place / name, flags):
                        continue
                with fails_with(errno.EACCES), opened(open_place / name, flags):
                    pass
            assert os.access(open_place / name, os.R_OK) == may_read
            assert os.access(open_place / name, os.W_OK) == may_write

    run_as_user(work)


@pytest.mark.parametrize("flags", [os.O_TRUNC, os.O_CREAT, os.O_CREAT | os.O_TRUNC])
def test_opening_for_change_needs_the_right_to_write(open_place: Place, flags: int) -> None:
    path = make(open_place / "file", 0o644)

    def work() -> None:
        with fails_with(errno.EACCES), opened(path, os.O_WRONLY | flags):
            pass
        with fails_with(errno.EACCES):
            os.truncate(path, 0)

    run_as_user(work)
    assert path.read_bytes() == b"content"


def test_a_directory_is_listed_and_passed_by_different_bits(open_place: Place) -> None:
    make(open_place / "listed", 0o744, folder=True)
    make(open_place / "passed", 0o711, folder=True)
    make(open_place / "closed", 0o700, folder=True)
    for name in ("listed", "passed", "closed"):
        make(open_place / name / "file", 0o644)

    def work() -> None:
        assert os.listdir(open_place / "listed") == ["file"]
        with fails_with(errno.EACCES):
            (open_place / "listed" / "file").stat()
        with fails_with(errno.EACCES):
            os.listdir(open_place / "passed")
        assert (open_place / "passed" / "file").read_bytes() == b"content"
        with fails_with(errno.EACCES):
            os.listdir(open_place / "closed")
        with fails_with(errno.EACCES):
            (open_place / "closed" / "file").stat()

    run_as_user(work)


@pytest.mark.parametrize("name", NAMES, ids=["short", "long"])
def test_entries_change_only_in_directories_that_one_may_write(
    open_place: Place, name: str
) -> None:
    folder = make(open_place / "folder", 0o755, folder=True)
    make(folder / name, 0o666)
    make(folder / f"{name}-d", 0o777, folder=True)
    own = make(open_place / "own", 0o644, uid=UNPRIVILEGED_UID)

    def work() -> None:
        changes: tuple[Callable[[], object], ...] = (
            lambda: (folder / name).unlink(),
            lambda: (folder / f"{name}-d").rmdir(),
            lambda: (folder / name).rename(folder / "other"),
            lambda: (folder / name).rename(open_place / "other"),
            lambda: own.rename(folder / "other"),
            lambda: own.rename(folder / name),
            lambda: os.link(own, folder / f"{name}2"),
            lambda: (folder / f"{name}2").mkdir(),
            lambda: (folder / f"{name}2").touch(),
            lambda: (folder / f"{name}2").symlink_to("x"),
            lambda: os.mkfifo(folder / f"{name}2"),
        )
        for change in changes:
            with fails_with(errno.EACCES):
                change()
        (folder / name).write_bytes(b"changed")

    run_as_user(work)
    open_place.reread()
    assert sorted(os.listdir(folder)) == sorted([name, f"{name}-d"])
    assert (folder / name).read_bytes() == b"changed"
    assert own.exists()


@pytest.mark.parametrize("name", NAMES, ids=["short", "long"])
def test_in_a_sticky_directory_only_owners_remove_and_rename(open_place: Place, name: str) -> None:
    folder = make(open_place / "tmp", 0o1777, folder=True)
    make(folder / name, 0o666)
    make(folder / f"{name}-d", 0o777, folder=True)

    def work() -> None:
        (folder / "mine").write_bytes(b"mine")
        (folder / "mine-d").mkdir()
        for change in (
            lambda: (folder / name).unlink(),
            lambda: (folder / f"{name}-d").rmdir(),
            lambda: (folder / name).rename(folder / "other"),
            lambda: (folder / name).rename(open_place / "other"),
            lambda: (folder / "mine").rename(folder / name),
            lambda: (folder / "mine-d").rename(folder / f"{name}-d"),
            lambda: renameat2(folder / "mine", folder / name, 2),
        ):
            with fails_with(errno.EPERM, errno.EACCES):
                change()
        (folder / "mine").rename(folder / f"{name}2")
        (folder / f"{name}2").unlink()
        (folder / "mine-d").rmdir()

    run_as_user(work)
    open_place.reread()
    assert sorted(os.listdir(folder)) == sorted([name, f"{name}-d"])


def test_the_owner_of_a_sticky_directory_removes_what_others_made(open_place: Place) -> None:
    folder = make(open_place / "tmp", 0o1777, uid=UNPRIVILEGED_UID, folder=True)
    make(folder / "file", 0o600)

    def work() -> None:
        (folder / "file").rename(folder / "renamed")
        (folder / "renamed").unlink()

    run_as_user(work)
    assert os.listdir(folder) == []


def test_a_directory_of_others_does_not_move_to_another_parent(open_place: Place) -> None:
    # Its ".." would change: rename(2) asks for the right to write the directory itself.
    make(open_place / "here", 0o777, folder=True)
    make(open_place / "there", 0o777, folder=True)
    make(open_place / "here" / "dir", 0o755, folder=True)

    def work() -> None:
        with fails_with(errno.EACCES):
            (open_place / "here" / "dir").rename(open_place / "there" / "dir")
        (open_place / "here" / "dir").rename(open_place / "here" / "renamed")

    run_as_user(work)
    assert os.listdir(open_place / "there") == []


def test_only_its_owner_changes_mode_times_and_owner(open_place: Place) -> None:
    path = make(open_place / "file", 0o666)
    os.utime(path, ns=(10**18, 10**18))

    def work() -> None:
        for change in (
            lambda: path.chmod(0o600),
            lambda: os.chown(path, UNPRIVILEGED_UID, -1),
            lambda: os.utime(path, ns=(5, 5)),
        ):
            with fails_with(errno.EPERM):
                change()
        os.utime(path)  # to now may everybody who may write

    run_as_user(work)
    assert mode_of(path) == 0o666
    assert path.stat().st_uid == 0
    assert path.stat().st_mtime_ns > 10**18


def test_who_may_only_read_does_not_touch_times(open_place: Place) -> None:
    path = make(open_place / "file", 0o644)

    def work() -> None:
        with fails_with(errno.EACCES):
            os.utime(path)

    run_as_user(work)


def test_an_owner_gives_nothing_away(open_place: Place) -> None:
    path = make(open_place / "file", 0o644, uid=UNPRIVILEGED_UID, gid=UNPRIVILEGED_UID)

    def work() -> None:
        with fails_with(errno.EPERM):
            os.chown(path, 0, -1)
        with fails_with(errno.EPERM):
            os.chown(path, -1, 0)
        os.chown(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID)

    run_as_user(work)
    assert (path.stat().st_uid, path.stat().st_gid) == (UNPRIVILEGED_UID, UNPRIVILEGED_UID)


def test_what_a_user_makes_is_the_users(open_place: Place) -> None:
    def work() -> None:
        (open_place / "file").touch()
        (open_place / NAMES[1]).mkdir()
        (open_place / "link").symlink_to("file")
        os.mkfifo(open_place / "fifo")

    run_as_user(work)
    open_place.reread()
    for name in ("file", NAMES[1], "link", "fifo"):
        found = (open_place / name).lstat()
        assert (found.st_uid, found.st_gid) == (UNPRIVILEGED_UID, UNPRIVILEGED_UID), name


def test_a_set_group_id_directory_hands_its_group_on(open_place: Place) -> None:
    folder = make(open_place / "shared", 0o2777, gid=4321, folder=True)

    def work() -> None:
        (folder / "file").touch()
        (folder / "sub").mkdir(0o755)
        (folder / NAMES[1]).mkdir(0o755)
        (folder / "link").symlink_to("file")

    run_as_user(work)
    open_place.reread()
    for name in ("file", "sub", NAMES[1], "link"):
        assert (folder / name).lstat().st_gid == 4321, name
        assert (folder / name).lstat().st_uid == UNPRIVILEGED_UID, name
    assert mode_of(folder / "sub") & stat.S_ISGID
    assert mode_of(folder / NAMES[1]) & stat.S_ISGID
    assert not mode_of(folder / "file") & stat.S_ISGID


def test_set_group_id_for_a_foreign_group_is_not_granted(open_place: Place) -> None:
    path = make(open_place / "file", 0o755, uid=UNPRIVILEGED_UID, gid=4321)
    run_as_user(lambda: path.chmod(0o2755))
    assert mode_of(path) == 0o755


@pytest.mark.parametrize("change", ["write", "truncate"])
def test_changing_a_program_of_others_takes_its_set_id_bits(open_place: Place, change: str) -> None:
    path = make(open_place / "program", 0o6777)

    def work() -> None:
        if change == "truncate":
            os.truncate(path, 3)
        else:
            with opened(path, os.O_WRONLY) as file:
                os.write(file, b"x")

    run_as_user(work)
    assert mode_of(path) == 0o777
    open_place.reread()
    assert mode_of(path) == 0o777


def test_giving_a_program_away_takes_its_set_id_bits(open_place: Place) -> None:
    path = make(open_place / "program", 0o6755)
    os.chown(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    assert mode_of(path) == 0o755


def test_programs_run_only_with_an_execute_bit_for_whoever_asks(open_place: Place) -> None:
    for name, mode in (("all", 0o755), ("root", 0o744)):
        path = make(open_place / name, mode)
        path.write_bytes(b"#!/bin/sh\nexit 0\n")

    def work() -> None:
        environment = {"PATH": "/usr/bin:/bin"}
        pid = os.posix_spawn(open_place / "all", ["all"], environment)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        with fails_with(errno.EACCES):
            os.posix_spawn(open_place / "root", ["root"], environment)

    run_as_user(work)


def test_device_nodes_are_roots_to_make(open_place: Place) -> None:
    def work() -> None:
        with fails_with(errno.EPERM):
            os.mknod(open_place / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(open_place / "plain", stat.S_IFREG | 0o600)

    run_as_user(work)
    assert os.listdir(open_place.root) == ["plain"]


@needs("user-xattrs")
def test_attributes_need_the_right_to_write(open_place: Place) -> None:
    path = make(open_place / "file", 0o644)
    os.setxattr(path, "user.a", b"1")

    def work() -> None:
        assert os.getxattr(path, "user.a") == b"1"
        with fails_with(errno.EACCES):
            os.setxattr(path, "user.a", b"2")
        with fails_with(errno.EACCES):
            os.removexattr(path, "user.a")
        with fails_with(errno.EPERM):
            os.setxattr(path, "trusted.a", b"2")

    run_as_user(work)
    assert os.getxattr(path, "user.a") == b"1"


def test_a_link_of_another_user_is_followed_and_its_target_decides(open_place: Place) -> None:
    make(open_place / "secret", 0o600)
    (open_place / "link").symlink_to("secret")

    def work() -> None:
        assert os.readlink(open_place / "link") == "secret"
        with fails_with(errno.EACCES), opened(open_place / "link", os.O_RDONLY):
            pass

    run_as_user(work)
