"""Others change the plain directory while it is shown."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest
from openreverse import OpenReverse


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """Return a directory with a subdirectory and a file."""
    (tmp_path / "dir" / "sub").mkdir(parents=True)
    (tmp_path / "dir" / "sub" / "file").write_bytes(b"content" * 1000)
    (tmp_path / "dir" / "sub" / "link").symlink_to("target")
    return tmp_path


def fresh_tree(plain: Path) -> dict[bytes, tuple[int, int, bytes]]:
    with OpenReverse(plain) as view:
        return view.tree()


def test_a_file_that_vanished_is_not_there_but_stays_readable_where_it_is_open(
    plain: Path,
) -> None:
    with OpenReverse(plain) as view:
        ino = view.attributes("dir/sub/file").ino
        whole = view.read_ino(ino)
        handle = view.fs.open(ino, os.O_RDONLY).handle
        (plain / "dir" / "sub" / "file").unlink()
        assert bytes(view.fs.read(handle, 0, 1 << 20)) == whole
        assert view.fs.getattr(ino).size == len(whole)
        view.fs.release(handle)
        for call in (view.fs.getattr, view.fs.listxattr, view.read_ino):
            with pytest.raises(FileNotFoundError):
                call(ino)
        assert not view.exists("dir/sub/file")


def test_a_file_that_was_replaced_is_stale_until_it_is_looked_up_again(plain: Path) -> None:
    path = plain / "dir" / "sub" / "file"
    with OpenReverse(plain) as view:
        ino = view.attributes("dir/sub/file").ino
        held = path.open("rb")  # so that the number is not used again
        (plain / "new").write_bytes(b"other")
        (plain / "new").replace(path)
        for call in (view.fs.getattr, view.read_ino):
            with pytest.raises(OSError, match="Stale") as caught:
                call(ino)
            assert caught.value.errno == errno.ESTALE
        assert len(view.read("dir/sub/file")) == 18 + 32 + 5
        held.close()


def test_a_file_that_became_a_directory_is_one(plain: Path) -> None:
    with OpenReverse(plain) as view:
        ino = view.attributes("dir/sub/file").ino
        (plain / "dir" / "sub" / "file").unlink()
        (plain / "dir" / "sub" / "file").mkdir()
        with pytest.raises(OSError, match=r"Stale|directory"):
            view.read_ino(ino)
        assert view.names("dir/sub/file") == [b"gocryptfs.diriv"]


def test_a_fifo_that_took_the_place_of_a_file_is_not_waited_for(plain: Path) -> None:
    path = plain / "dir" / "sub" / "file"
    with OpenReverse(plain) as view:
        ino = view.attributes("dir/sub/file").ino
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(OSError, match="Stale"):
            view.fs.open(ino, os.O_RDONLY)


def test_a_symlink_that_took_the_place_of_a_directory_leads_nowhere(
    plain: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "file").write_bytes(b"secret of somebody else")
    with OpenReverse(plain) as view:
        ino = view.attributes("dir/sub").ino
        name = view.shown("dir/sub/file").rpartition(b"/")[2]
        view.fs._directories.enter(view.fs._inodes.get(ino)).close()
        shutil.rmtree(plain / "dir" / "sub")
        (plain / "dir" / "sub").symlink_to(outside)
        with pytest.raises(OSError, match=r"Not a directory|Stale|symbolic"):
            view.fs.lookup(ino, name)


def test_a_directory_that_was_moved_is_shown_as_if_it_had_always_been_there(plain: Path) -> None:
    with OpenReverse(plain) as view:
        view.tree()
        (plain / "dir").rename(plain / "moved")
        assert view.tree() == fresh_tree(plain)


def test_the_iv_of_a_moved_directory_is_another_inode_to_the_kernel(plain: Path) -> None:
    # The kernel keeps the pages of virtual files, and the times need not have changed.
    with OpenReverse(plain) as view:
        before = view.find(view.shown("dir/sub") + b"/gocryptfs.diriv")
        (plain / "dir").rename(plain / "moved")
        after = view.find(view.shown("moved/sub") + b"/gocryptfs.diriv")
        assert (before.ino, before.generation) != (after.ino, after.generation)


def test_a_renamed_file_is_shown_as_if_it_had_always_had_the_name(plain: Path) -> None:
    with OpenReverse(plain) as view:
        view.tree()
        (plain / "dir" / "sub" / "file").rename(plain / ("long" * 50))
        (plain / "dir" / "sub" / "link").rename(plain / "dir" / "link")
        assert view.tree() == fresh_tree(plain)


def test_a_long_name_that_comes_and_goes_is_found_without_a_listing(plain: Path) -> None:
    name = "n" * 200
    with OpenReverse(plain) as view, OpenReverse(plain) as other:
        shown = other.shown(name)
        assert not view.exists(name)
        (plain / name).write_bytes(b"x")
        assert view.find(shown).size == 18 + 32 + 1
        assert view.find(shown + b".name").size == len(view.read_shown(shown + b".name"))
        (plain / name).unlink()
        for gone in (shown, shown + b".name"):
            with pytest.raises(FileNotFoundError):
                view.find(gone)


def test_an_entry_that_goes_during_a_listing_is_left_out(plain: Path) -> None:
    for number in range(5):
        (plain / f"{number}").write_bytes(b"")
    with OpenReverse(plain) as view:
        handle = view.fs.opendir(view.attributes("").ino)
        entries = view.fs.readdir(handle, 0)
        next(entries)
        for number in range(5):
            (plain / f"{number}").unlink()
        assert {entry.name for entry in entries} == {b"..", b"gocryptfs.diriv", view.shown("dir")}


def test_all_names_of_a_file_show_what_the_first_that_was_opened_showed(plain: Path) -> None:
    os.link(plain / "dir" / "sub" / "file", plain / "second")
    with OpenReverse(plain) as view:
        second = view.read("second")
        assert view.attributes("dir/sub/file").ino == view.attributes("second").ino
        assert view.read("dir/sub/file") == second
        # Also when it has no other name any more.
        (plain / "second").unlink()
        assert view.read("dir/sub/file") == second
    with OpenReverse(plain) as view:
        assert view.read("dir/sub/file") != second


def test_the_name_that_is_looked_up_last_is_the_one_that_is_opened(plain: Path) -> None:
    os.link(plain / "dir" / "sub" / "file", plain / "second")
    with OpenReverse(plain) as once:
        by_first = once.read("dir/sub/file")
    with OpenReverse(plain) as view:
        view.attributes("dir/sub/file")
        view.attributes("second")
        assert view.read("dir/sub/file") == by_first


def test_removing_the_name_that_was_used_leaves_the_other(plain: Path) -> None:
    os.link(plain / "dir" / "sub" / "file", plain / "second")
    with OpenReverse(plain) as view:
        first = view.attributes("dir/sub/file").ino
        assert view.attributes("second").ino == first
        (plain / "second").unlink()
        assert view.fs.getattr(first).nlink == 1
        assert view.read_ino(first)[:2] == b"\x00\x02"


def test_what_is_forgotten_takes_no_memory(plain: Path) -> None:
    with OpenReverse(plain) as view:
        paths = ["dir", "dir/sub", "dir/sub/file", "dir/sub/link"]
        numbers = [view.attributes(path).ino for path in paths]
        numbers.append(view.find(view.shown("dir") + b"/gocryptfs.diriv").ino)
        for ino in numbers:
            view.fs.forget(ino, 100)
        assert len(view.fs._inodes) == 1
