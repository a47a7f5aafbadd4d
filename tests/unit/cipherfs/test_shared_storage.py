"""Where others change the cipher directory all the time, each entry is a node of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs.attributes import AttributeChange
from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.sharedstorage import SharedFileSystem
from vaultui.model.ids import InodeNo

LONG = "l" * 200


class SharedVolume(OpenVolume):
    kind = SharedFileSystem


@pytest.fixture
def shared(cipherdir: Path) -> Iterator[OpenVolume]:
    vault = SharedVolume(cipherdir)
    yield vault
    vault.close()


@pytest.fixture
def linked(shared: OpenVolume) -> tuple[InodeNo, InodeNo]:
    """Return the nodes of a file by both of its names."""
    shared.write("one", b"content")
    made = shared.fs.link(shared.ino("one"), ROOT, LONG.encode())
    return shared.ino("one"), made.ino


def test_two_names_of_a_file_are_two_nodes(
    shared: OpenVolume, linked: tuple[InodeNo, InodeNo]
) -> None:
    one, two = linked
    assert one != two
    assert [shared.fs.getattr(ino).nlink for ino in linked] == [2, 2]
    # But programs can tell that they are one file.
    assert shared.fs.getattr(one).ino == shared.fs.getattr(two).ino
    assert shared.ino("one") == one
    assert shared.ino(LONG) == two
    handle = shared.fs.opendir(ROOT)
    listed = {entry.attributes.ino for entry in shared.fs.readdir(handle, 0)}
    shared.fs.releasedir(handle)
    assert listed == {ROOT, one, two}


def test_what_is_written_by_one_name_is_read_by_the_other(
    shared: OpenVolume, linked: tuple[InodeNo, InodeNo]
) -> None:
    one, two = (shared.fs.open(ino, os.O_RDWR).handle for ino in linked)
    shared.fs.write(one, 3, b"TENTS")
    assert bytes(shared.fs.read(two, 0, 100)) == b"conTENTS"
    shared.fs.write(two, 8, b"!")
    shared.fs.setattr(linked[0], AttributeChange(size=9))
    assert bytes(shared.fs.read(one, 0, 100)) == b"conTENTS!"
    # A header of its own goes with truncation to nothing, and comes with the next byte.
    shared.fs.setattr(linked[0], AttributeChange(size=0))
    shared.fs.write(two, 0, b"anew")
    assert bytes(shared.fs.read(one, 0, 100)) == b"anew"
    shared.fs.write(one, 4, b" and more")
    assert bytes(shared.fs.read(two, 0, 100)) == b"anew and more"
    assert shared.reports == []


def test_one_name_goes_and_the_other_stays(
    shared: OpenVolume, linked: tuple[InodeNo, InodeNo]
) -> None:
    handle = shared.fs.open(linked[0], os.O_RDONLY).handle
    shared.unlink("one")
    assert bytes(shared.fs.read(handle, 0, 100)) == b"content"
    assert shared.fs.getattr(linked[0]).nlink == 1
    shared.fs.release(handle)
    shared.rename(LONG, "renamed")
    assert shared.ino("renamed") == linked[1]
    assert shared.list() == ["renamed"]
    assert len(shared.raw_entries()) == 1


@pytest.mark.usefixtures("linked")
def test_renaming_one_name_to_the_other_leaves_both(shared: OpenVolume) -> None:
    shared.rename(LONG, "one")
    shared.reopen()
    assert shared.list() == sorted(["one", LONG])
    assert shared.read(LONG) == b"content"


def test_a_file_in_the_place_of_another_is_a_new_node_even_by_the_same_number(
    shared: OpenVolume,
) -> None:
    shared.write("file", b"x")
    path = shared.cipher_path("file")
    before = shared.attributes("file")
    path.rename(path.with_name("away"))
    os.link(path.with_name("away"), path)  # the same inode number, as after a removal
    shared.fs.unlink(ROOT, b"file")
    path.with_name("away").rename(path)
    after = shared.attributes("file")
    assert after.ino != before.ino


def test_pages_are_not_kept_over_an_open(shared: OpenVolume) -> None:
    shared.write("file", b"x")
    ino = shared.ino("file")
    for _ in range(2):
        opened = shared.fs.open(ino, os.O_RDONLY)
        shared.fs.release(opened.handle)
        assert not opened.keep_cache


def test_a_directory_that_was_moved_behind_our_back_is_entered_where_it_is(
    shared: OpenVolume,
) -> None:
    shared.mkdir("dir")
    shared.mkdir("dir/below")
    shared.write("dir/below/file", b"x")
    before = shared.ino("dir/below")
    shared.mkdir("other")
    theirs = OpenVolume(shared.cipherdir)
    theirs.rename("dir/below", "other/below")
    theirs.close()
    assert shared.read("other/below/file") == b"x"
    assert shared.ino("other/below") != before
    assert not shared.exists("dir/below")
    shared.rmdir("dir")
    assert shared.list() == ["other"]
