"""Whether a change moves mtime or ctime, of the file and of the directory it is in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from patterns import opened
from places import Place

PAST = 10**18
LONG = "long" * 50


def moved(path: Path, change: Callable[[], object]) -> set[str]:
    """Return which of mtime and ctime of `path` moved by `change`.

    Not atime: where part of a block is written, the file is read before.
    """
    os.utime(path, ns=(PAST, PAST), follow_symlinks=False)
    before = path.lstat().st_ctime_ns
    # The clock of file times stands still for up to 10 ms, and a ctime can't be set.
    while True:
        probe = path.parent / "probe of the clock"
        probe.write_bytes(b"")
        now = probe.stat().st_ctime_ns
        probe.unlink()
        if now > before:
            break
    change()
    found = path.lstat()
    is_new = {"mtime": found.st_mtime_ns != PAST, "ctime": found.st_ctime_ns > before}
    return {name for name in is_new if is_new[name]}


@pytest.fixture
def path(place: Place) -> Path:
    (place / "file").write_bytes(b"content")
    return place / "file"


def test_a_write_moves_mtime_and_ctime(path: Path) -> None:
    def write() -> None:
        with opened(path, os.O_WRONLY) as file:
            os.write(file, b"x")

    assert moved(path, write) == {"mtime", "ctime"}


def test_a_write_of_nothing_moves_nothing(path: Path) -> None:
    def write() -> None:
        with opened(path, os.O_WRONLY) as file:
            os.write(file, b"")

    assert moved(path, write) == set()


@pytest.mark.parametrize("size", [0, 3, 7, 5000])
def test_a_truncation_moves_mtime_and_ctime(path: Path, size: int) -> None:
    assert moved(path, lambda: os.truncate(path, size)) == {"mtime", "ctime"}


def test_an_open_that_empties_moves_mtime_and_ctime(path: Path) -> None:
    def empty() -> None:
        with opened(path, os.O_WRONLY | os.O_TRUNC):
            pass

    assert moved(path, empty) == {"mtime", "ctime"}


def test_an_open_moves_nothing(path: Path) -> None:
    def look() -> None:
        with opened(path, os.O_RDWR), opened(path, os.O_RDONLY | os.O_CREAT):
            path.stat()

    assert moved(path, look) == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.chmod(0o600),
        lambda path: os.chown(path, os.getuid(), os.getgid()),
        lambda path: os.link(path, path.with_name("second")),
        lambda path: os.setxattr(path, "user.a", b"1"),
    ],
    ids=["chmod", "chown", "link", "setxattr"],
)
def test_a_change_of_the_inode_alone_moves_ctime(
    path: Path, change: Callable[[Path], object]
) -> None:
    assert moved(path, lambda: change(path)) == {"ctime"}


def test_losing_a_name_moves_ctime(path: Path) -> None:
    os.link(path, path.with_name("second"))
    assert moved(path, lambda: path.with_name("second").unlink()) == {"ctime"}


def test_reading_moves_no_time_but_atime(path: Path) -> None:
    assert moved(path, path.read_bytes) == set()


@pytest.mark.parametrize("name", ["new", f"new{LONG}"], ids=["short", "long"])
@pytest.mark.parametrize("kind", ["file", "dir", "link", "fifo", "hard"])
def test_a_new_entry_moves_mtime_and_ctime_of_its_directory(
    place: Place, kind: str, name: str
) -> None:
    (place / "dir").mkdir()
    (place / "there").touch()
    path = place / "dir" / name
    make: dict[str, Callable[[], object]] = {
        "file": path.touch,
        "dir": path.mkdir,
        "link": lambda: path.symlink_to("x"),
        "fifo": lambda: os.mkfifo(path),
        "hard": lambda: os.link(place / "there", path),
    }
    assert {"mtime", "ctime"} <= moved(place / "dir", make[kind])


@pytest.mark.parametrize("name", ["old", f"old{LONG}"], ids=["short", "long"])
@pytest.mark.parametrize("kind", ["file", "dir"])
def test_an_entry_that_goes_moves_mtime_and_ctime_of_its_directory(
    place: Place, kind: str, name: str
) -> None:
    path = place / "dir" / name
    path.parent.mkdir()
    path.touch() if kind == "file" else path.mkdir()
    assert {"mtime", "ctime"} <= moved(path.parent, path.unlink if kind == "file" else path.rmdir)


def test_a_rename_moves_the_times_of_both_directories_and_not_of_the_content(
    place: Place,
) -> None:
    (place / "from").mkdir()
    (place / "to").mkdir()
    old, new = place / "from" / "file", place / "to" / "file"
    for watched in ("from", "to"):
        old.write_bytes(b"x")
        assert {"mtime", "ctime"} <= moved(place / watched, lambda: old.rename(new))
    old.write_bytes(b"x")
    os.utime(old, ns=(PAST, PAST))
    old.rename(new)
    assert new.stat().st_mtime_ns == PAST


def test_a_failed_change_moves_nothing(place: Place) -> None:
    (place / "dir").mkdir()
    (place / "dir" / "file").touch()

    def fail() -> None:
        for change in (
            lambda: (place / "dir" / "file").mkdir(),
            lambda: (place / "dir" / "nothing").unlink(),
            lambda: (place / "dir").rmdir(),
            lambda: (place / "dir" / ("n" * 256)).touch(),
        ):
            with pytest.raises(OSError):
                change()

    assert moved(place / "dir", fail) == set()


def test_one_time_is_set_and_the_other_left(path: Path) -> None:
    found = path.stat()
    os.utime(path, ns=(PAST, found.st_mtime_ns))
    assert (path.stat().st_atime_ns, path.stat().st_mtime_ns) == (PAST, found.st_mtime_ns)


def test_a_link_has_times_of_its_own(place: Place, path: Path) -> None:
    (place / "link").symlink_to("file")
    before = path.stat().st_mtime_ns
    os.utime(place / "link", ns=(PAST, PAST), follow_symlinks=False)
    assert (place / "link").lstat().st_mtime_ns == PAST
    assert path.stat().st_mtime_ns == before
