"""Symbolic and hard links."""

from __future__ import annotations

import errno
import os
import stat

from patterns import content, fails_with, opened
from places import Place


def test_a_link_keeps_its_target_and_tells_its_length(place: Place) -> None:
    targets = {
        "plain": b"plain",
        "relative": b"../up/and/over",
        "absolute": b"/absolute",
        "bytes": b"\xff\xfe not text",
        "unicode": "ünïcode".encode(),
        "1000": b"x" * 1000,
        "2900": b"t" * 2900,
        "slashes": b"/" * 30,
    }
    lengths = {name: len(target) for name, target in targets.items()}
    for name, target in targets.items():
        os.symlink(target, os.fsencode(place / name))
    for _ in range(2):
        assert {name: os.lstat(place / name).st_size for name in targets} == lengths
        assert {name: os.readlink(os.fsencode(place / name)) for name in targets} == targets
        assert all(stat.S_ISLNK(os.lstat(place / name).st_mode) for name in targets)
        place.reread()


def test_links_are_followed_to_files_and_directories(place: Place) -> None:
    (place / "dir").mkdir()
    (place / "dir" / "file").write_bytes(b"found")
    (place / "to-dir").symlink_to("dir")
    (place / "to-file").symlink_to("to-dir/file")
    assert (place / "to-file").read_bytes() == b"found"
    assert os.listdir(place / "to-dir") == ["file"]


def test_a_loop_of_links_is_an_error(place: Place) -> None:
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    with fails_with(errno.ELOOP), opened(place / "a", os.O_RDONLY):
        pass


def test_a_link_does_not_replace_anything(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    with fails_with(errno.EEXIST):
        (place / "file").symlink_to("elsewhere")
    with fails_with(errno.EEXIST):
        os.link(place / "file", place / "file")
    assert (place / "file").read_bytes() == b"x"


def test_readlink_of_something_else_is_invalid(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    with fails_with(errno.EINVAL):
        os.readlink(place / "file")


def test_hard_links_are_one_file(place: Place) -> None:
    (place / "one").write_bytes(content(5000))
    os.link(place / "one", place / "two")
    one, two = (place / "one").stat(), (place / "two").stat()
    assert one.st_ino == two.st_ino
    assert one.st_nlink == two.st_nlink == 2
    with opened(place / "two", os.O_RDWR) as file:
        os.pwrite(file, b"shared", 4094)
    expected = content(5000)[:4094] + b"shared" + content(5000)[4100:]
    assert (place / "one").read_bytes() == expected
    place.reread()
    assert (place / "one").stat().st_ino == (place / "two").stat().st_ino
    assert (place / "two").read_bytes() == expected
    (place / "one").unlink()
    assert (place / "two").stat().st_nlink == 1
    assert (place / "two").read_bytes() == expected


def test_two_names_of_a_file_that_are_open_at_once_share_their_state(place: Place) -> None:
    (place / "one").write_bytes(b"")
    os.link(place / "one", place / "two")
    with opened(place / "one", os.O_RDWR) as one, opened(place / "two", os.O_RDWR) as two:
        os.pwrite(one, b"1" * 5000, 0)
        os.pwrite(two, b"2" * 10, 4090)
        assert os.pread(one, 6000, 0) == b"1" * 4090 + b"2" * 10 + b"1" * 900
        os.ftruncate(two, 0)
        assert os.fstat(one).st_size == 0
        os.pwrite(one, b"again", 0)
        assert os.pread(two, 10, 0) == b"again"


def test_hard_links_to_directories_are_refused(place: Place) -> None:
    (place / "dir").mkdir()
    with fails_with(errno.EPERM):
        os.link(place / "dir", place / "again")


def test_a_hard_link_to_a_symbolic_link_is_a_second_link(place: Place) -> None:
    (place / "link").symlink_to("target")
    os.link(place / "link", place / "again", follow_symlinks=False)
    place.reread()
    assert os.readlink(place / "again") == "target"
    assert (place / "again").lstat().st_nlink == 2
    assert (place / "again").lstat().st_size == len("target")


def test_a_file_has_as_many_links_as_names(place: Place) -> None:
    (place / "0").write_bytes(b"x")
    for number in range(1, 20):
        os.link(place / "0", place / str(number))
    assert (place / "7").stat().st_nlink == 20
    for number in range(10):
        (place / str(number)).unlink()
    place.reread()
    assert (place / "15").stat().st_nlink == 10
