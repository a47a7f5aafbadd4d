"""Syncs that are answered without the interpreter, and those that have more to bring out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from capabilities import needs
from hotmount import HotMount

pytestmark = needs("fuse")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[HotMount]:
    volume = HotMount(tmp_path)
    volume.create()
    with volume:
        yield volume


def sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def test_a_sync_on_a_path_that_is_on_the_disk_needs_no_python(mount: HotMount) -> None:
    top = mount.mountpoint
    (top / "file").write_bytes(b"x" * 5000)
    for _ in range(3):
        sync(top / "file")
        sync(top)
    assert mount.in_python()["fsync"] == mount.in_python()["fsyncdir"] == 0
    assert mount.answered()["fsync"] == mount.answered()["fsyncdir"] == 3


def test_a_sync_in_a_new_directory_brings_its_iv_out_first_and_later_ones_need_not(
    mount: HotMount,
) -> None:
    below = mount.mountpoint / "new"
    below.mkdir()
    (below / "file").write_bytes(b"x")
    sync(below / "file")
    assert mount.in_python()["fsync"] == 1
    sync(below / "file")  # takes up what the first has done
    before = mount.in_python()["fsync"]
    sync(below / "file")
    sync(below)
    assert mount.in_python()["fsync"] == before
    assert mount.in_python()["fsyncdir"] == 0


def test_a_sync_of_a_directory_with_a_new_one_in_it_is_for_python(mount: HotMount) -> None:
    (mount.mountpoint / "new").mkdir()
    sync(mount.mountpoint)
    assert mount.in_python()["fsyncdir"] == 1


def test_many_that_sync_at_once_are_all_answered(mount: HotMount) -> None:
    top = mount.mountpoint

    def work(number: int) -> bytes:
        path = top / str(number)
        with path.open("wb", 0) as file:
            for _ in range(20):
                file.write(b"x" * 100)
                os.fdatasync(file)
        return path.read_bytes()

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(16))) == [b"x" * 2000] * 16
    assert mount.in_python()["fsync"] == 0
