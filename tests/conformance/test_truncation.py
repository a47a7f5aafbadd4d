"""Shrinking and growing, by path and by descriptor, to and from every kind of boundary."""

from __future__ import annotations

import errno
import itertools
import os

import pytest
from patterns import BLOCK, content, fails_with, opened
from places import Place

_SIZES = (0, 1, 100, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 17)


def test_truncation_between_all_pairs_of_sizes_keeps_the_head_and_adds_zeros(
    place: Place,
) -> None:
    for before, after in itertools.product(_SIZES, repeat=2):
        path = place / f"{before}-{after}"
        path.write_bytes(content(before, before))
        os.truncate(path, after)
        assert path.stat().st_size == after
    place.reread()
    for before, after in itertools.product(_SIZES, repeat=2):
        head = content(before, before)[:after]
        found = (place / f"{before}-{after}").read_bytes()
        assert found == head + bytes(after - len(head)), f"{before} to {after}"


def test_what_was_cut_off_does_not_come_back(place: Place) -> None:
    path = place / "file"
    path.write_bytes(b"x" * 10000)
    with opened(path, os.O_RDWR) as file:
        os.ftruncate(file, 5000)
        os.ftruncate(file, 10000)
        assert os.pread(file, 10000, 0) == b"x" * 5000 + bytes(5000)
    place.reread()
    assert path.read_bytes() == b"x" * 5000 + bytes(5000)


def test_a_file_truncated_to_nothing_can_be_written_again(place: Place) -> None:
    path = place / "file"
    with opened(path, os.O_RDWR | os.O_CREAT) as one, opened(path, os.O_RDWR) as two:
        os.pwrite(one, content(9000, 1), 0)
        os.ftruncate(two, 0)
        assert os.pread(one, 10, 0) == b""
        os.pwrite(one, content(5000, 2), 100)
        os.pwrite(two, b"head", 0)
    place.reread()
    assert path.read_bytes() == b"head" + bytes(96) + content(5000, 2)


def test_opening_with_o_trunc_empties_the_file(place: Place) -> None:
    path = place / "file"
    path.write_bytes(content(9000))
    with opened(path, os.O_WRONLY | os.O_TRUNC) as file:
        assert os.fstat(file).st_size == 0
        os.write(file, b"new")
    place.reread()
    assert path.read_bytes() == b"new"


def test_truncating_moves_the_times_forward(place: Place) -> None:
    path = place / "file"
    path.write_bytes(content(100))
    os.utime(path, ns=(10**18, 10**18))
    os.truncate(path, 50)
    assert path.stat().st_mtime_ns > 10**18


def test_a_descriptor_for_reading_cannot_truncate(place: Place) -> None:
    (place / "file").write_bytes(b"abc")
    with opened(place / "file", os.O_RDONLY) as file, fails_with(errno.EINVAL, errno.EBADF):
        os.ftruncate(file, 0)
    assert (place / "file").read_bytes() == b"abc"


def test_a_directory_cannot_be_truncated(place: Place) -> None:
    (place / "dir").mkdir()
    with fails_with(errno.EISDIR):
        os.truncate(place / "dir", 0)


@pytest.mark.parametrize("size", [-1])
def test_a_negative_size_is_refused(place: Place, size: int) -> None:
    (place / "file").write_bytes(b"abc")
    with fails_with(errno.EINVAL):
        os.truncate(place / "file", size)
    assert (place / "file").read_bytes() == b"abc"
