"""A file that lost its last name lives on for those who have it open."""

from __future__ import annotations

import os
import stat

import pytest
from patterns import content, opened
from places import Place


def test_an_unlinked_file_can_be_read_written_and_truncated(place: Place) -> None:
    path = place / "file"
    path.write_bytes(content(10000))
    with opened(path, os.O_RDWR) as file:
        path.unlink()
        assert os.listdir(place.root) == []
        assert os.pread(file, 10000, 0) == content(10000)
        os.pwrite(file, b"new", 5000)
        os.ftruncate(file, 6000)
        assert os.fstat(file).st_size == 6000
        assert os.fstat(file).st_nlink == 0
        assert os.pread(file, 3, 5000) == b"new"


def test_an_unlinked_file_can_be_synced_and_changed_through_its_descriptor(
    place: Place,
) -> None:
    path = place / "file"
    with opened(path, os.O_RDWR | os.O_CREAT) as file:
        path.unlink()
        os.write(file, b"content")
        os.fsync(file)
        os.fchmod(file, 0o600)
        os.utime(file, ns=(10**18, 10**18))
        assert stat.S_IMODE(os.fstat(file).st_mode) == 0o600
        assert os.fstat(file).st_mtime_ns == 10**18


@pytest.mark.parametrize("name", ["file", "long" * 50], ids=["short", "long"])
def test_a_new_file_under_the_same_name_is_another_file(place: Place, name: str) -> None:
    path = place / name
    path.write_bytes(b"old")
    with opened(path, os.O_RDWR) as old:
        path.unlink()
        path.write_bytes(b"new")
        assert os.pread(old, 10, 0) == b"old"
        os.pwrite(old, b"OLD", 0)
        assert path.read_bytes() == b"new"
        assert os.fstat(old).st_ino != path.stat().st_ino
    place.reread()
    assert path.read_bytes() == b"new"


def test_no_hidden_file_appears_for_an_unlinked_one(place: Place) -> None:
    with opened(place / "file", os.O_RDWR | os.O_CREAT) as file:
        os.write(file, b"x")
        (place / "file").unlink()
        assert os.listdir(place.root) == []
    (place.root).rmdir()


def test_an_unlinked_file_with_another_name_lives_there(place: Place) -> None:
    path = place / "one"
    path.write_bytes(b"x")
    os.link(path, place / "two")
    with opened(path, os.O_RDWR) as file:
        path.unlink()
        os.write(file, b"written")
        os.fsync(file)
        assert os.fstat(file).st_nlink == 1
    place.reread()
    assert (place / "two").read_bytes() == b"written"
