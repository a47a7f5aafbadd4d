"""Listings: complete, in step with changes, and without references that nobody gives back."""

from __future__ import annotations

import os

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs.filesystem import ROOT
from vaultui.model.ids import Handle

COUNT = 300


@pytest.fixture
def full(vault: OpenVolume) -> tuple[OpenVolume, Handle]:
    """Return a volume with many files, and a handle on its root."""
    for number in range(COUNT):
        vault.fs.release(vault.fs.create(ROOT, b"f%03d" % number, 0o644, os.O_RDWR)[0].handle)
    vault.reopen()
    return vault, vault.fs.opendir(ROOT)


def read_some(vault: OpenVolume, handle: Handle, cookie: int, count: int) -> tuple[list[str], int]:
    """Return the next `count` names, as one request of a kernel would, and where to go on."""
    names = []
    entries = vault.fs.readdir(handle, cookie)
    for entry in entries:
        if len(names) == count:
            break
        names.append(os.fsdecode(entry.name))
        cookie = entry.next_cookie
        if entry.name not in (b".", b".."):
            vault.fs.take_reference(entry.attributes.ino)
    entries.close()
    return names, cookie


def test_a_listing_in_pieces_has_every_entry_once(full: tuple[OpenVolume, Handle]) -> None:
    vault, handle = full
    seen: list[str] = []
    cookie = 0
    while True:
        names, cookie = read_some(vault, handle, cookie, 7)
        if not names:
            break
        seen += names
    assert seen[:2] == [".", ".."]
    assert sorted(seen[2:]) == [f"f{n:03d}" for n in range(COUNT)]


def test_what_stays_is_shown_once_while_others_come_and_go(
    full: tuple[OpenVolume, Handle],
) -> None:
    vault, handle = full
    seen, cookie = read_some(vault, handle, 0, 50)
    for number in range(0, COUNT, 3):
        vault.unlink(f"f{number:03d}")
    for number in range(COUNT):
        vault.write(f"new{number}", b"")
    while True:
        names, cookie = read_some(vault, handle, cookie, 50)
        if not names:
            break
        seen += names
    stayed = {f"f{n:03d}" for n in range(COUNT) if n % 3}
    assert stayed <= set(seen)
    assert len(seen) == len(set(seen))


def test_an_emptied_directory_ends_its_listing(full: tuple[OpenVolume, Handle]) -> None:
    vault, handle = full
    _names, cookie = read_some(vault, handle, 0, 10)
    for number in range(COUNT):
        vault.unlink(f"f{number:03d}")
    assert read_some(vault, handle, cookie, 10)[0] == []


def test_reading_from_the_start_again_shows_what_is_there_now(
    full: tuple[OpenVolume, Handle],
) -> None:
    vault, handle = full
    read_some(vault, handle, 0, COUNT + 2)
    vault.write("new", b"")
    assert "new" in read_some(vault, handle, 0, COUNT + 3)[0]


def test_entries_that_the_kernel_did_not_take_are_not_kept(
    full: tuple[OpenVolume, Handle],
) -> None:
    vault, handle = full
    before = len(vault.fs._inodes)
    for _entry in vault.fs.readdir(handle, 0):
        pass
    assert len(vault.fs._inodes) == before
    entries = vault.fs.readdir(handle, 2)
    next(entries)
    entries.close()
    assert len(vault.fs._inodes) == before


def test_entries_that_the_kernel_took_live_until_it_forgets_them(
    full: tuple[OpenVolume, Handle],
) -> None:
    vault, handle = full
    taken = []
    for entry in vault.fs.readdir(handle, 2):
        vault.fs.take_reference(entry.attributes.ino)
        taken.append(entry.attributes.ino)
    assert len(vault.fs._inodes) == COUNT + 1
    for ino in taken:
        vault.fs.forget(ino, 1)
    assert len(vault.fs._inodes) == 1


def test_a_listing_answers_with_the_attributes_of_a_lookup(vault: OpenVolume) -> None:
    vault.write("file", b"x" * 5000)
    vault.mkdir("dir")
    vault.symlink(b"target", "link")
    handle = vault.fs.opendir(ROOT)
    for entry in vault.fs.readdir(handle, 2):
        looked_up = vault.attributes(os.fsdecode(entry.name))
        assert (entry.attributes.ino, entry.attributes.size, entry.attributes.mode) == (
            looked_up.ino,
            looked_up.size,
            looked_up.mode,
        )


def test_the_dots_are_the_directory_and_the_one_above(vault: OpenVolume) -> None:
    vault.mkdir("a")
    vault.mkdir("a/b")
    handle = vault.fs.opendir(vault.ino("a/b"))
    dots = [entry.attributes.ino for entry in vault.fs.readdir(handle, 0)][:2]
    assert dots == [vault.ino("a/b"), vault.ino("a")]
    assert vault.fs.lookup(vault.ino("a/b"), b"..").ino == vault.ino("a")
    assert vault.fs.lookup(vault.ino("a/b"), b".").ino == vault.ino("a/b")


def test_a_file_is_not_listed(vault: OpenVolume) -> None:
    vault.write("file", b"")
    with pytest.raises(NotADirectoryError):
        vault.fs.opendir(vault.ino("file"))
    with pytest.raises(NotADirectoryError):
        vault.fs.lookup(vault.ino("file"), b"below")


def test_numbers_that_were_never_handed_out_are_refused(vault: OpenVolume) -> None:
    fs = vault.fs
    for call in (
        lambda: fs.read(Handle(99), 0, 1),
        lambda: fs.write(Handle(99), 0, b"x"),
        lambda: fs.release(Handle(99)),
        lambda: fs.releasedir(Handle(99)),
        lambda: fs.fsync(Handle(99), False),
    ):
        with pytest.raises(OSError, match="Bad file descriptor"):
            call()
