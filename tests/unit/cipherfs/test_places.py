"""Cipher directories as people have them: with odd names, and spread over several devices."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from openvolume import OpenVolume, create
from programs import run_program


@pytest.mark.parametrize(
    "name",
    ["Ü, a\\b", "new\nline", os.fsdecode(b"\xff\xfe not utf-8"), "-dash", "a" * 255],
    ids=["comma", "newline", "bytes", "dash", "long"],
)
def test_a_cipher_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    cipherdir = tmp_path / name
    create(cipherdir)
    vault = OpenVolume(cipherdir)
    vault.mkdir("dir")
    vault.write("dir/file", b"x")
    vault.reopen()
    assert vault.read("dir/file") == b"x"
    vault.close()


def test_a_cipher_directory_may_be_moved_while_it_is_served(vault: OpenVolume) -> None:
    vault.mkdir("dir")
    moved = vault.cipherdir.rename(vault.cipherdir.with_name("moved"))
    vault.write("dir/file", b"x")
    vault.cipherdir = moved
    vault.reopen()
    assert vault.read("dir/file") == b"x"


@pytest.fixture
def spread(tmp_path: Path) -> Iterator[OpenVolume]:
    """Return a volume whose directory `other` is on another file system."""
    cipherdir = tmp_path / "cipher"
    create(cipherdir)
    vault = OpenVolume(cipherdir)
    vault.mkdir("other")
    below = vault.cipher_path("other")
    iv = (below / "gocryptfs.diriv").read_bytes()
    run_program(("mount", "-t", "tmpfs", "-o", "size=4m", "other", os.fspath(below))).check()
    try:
        (below / "gocryptfs.diriv").write_bytes(iv)
        vault.reopen()
        yield vault
        vault.close()
    finally:
        run_program(("umount", "-l", os.fspath(below))).check()


@needs("root")
def test_files_of_two_devices_with_equal_numbers_are_told_apart(spread: OpenVolume) -> None:
    for number in range(50):
        spread.write(f"other/{number}", f"there {number}".encode())
        spread.write(f"{number}", f"here {number}".encode())
    inos = {spread.ino(path) for n in range(50) for path in (f"{n}", f"other/{n}")}
    assert len(inos) == 100
    spread.reopen()
    for number in range(50):
        assert spread.read(f"other/{number}") == f"there {number}".encode()
        assert spread.read(f"{number}") == f"here {number}".encode()


@needs("root")
def test_nothing_is_renamed_or_linked_across_devices(spread: OpenVolume) -> None:
    long_name = "l" * 200
    spread.write("file", b"x")
    for call in (
        lambda: spread.rename("file", f"other/{long_name}"),
        lambda: spread.fs.link(spread.ino("file"), spread.ino("other"), long_name.encode()),
    ):
        with pytest.raises(OSError, match=r".+") as caught:
            call()
        assert caught.value.errno == errno.EXDEV
    assert spread.list("other") == []
    assert spread.raw_entries("other") == set()
    assert spread.read("file") == b"x"


@needs("root")
def test_a_sync_reaches_both_devices(spread: OpenVolume) -> None:
    spread.mkdir("other/dir")
    spread.write("other/dir/file", b"x")
    with spread.open("other/dir/file") as handle:
        spread.fs.fsync(handle, False)
    assert spread.read("other/dir/file") == b"x"
