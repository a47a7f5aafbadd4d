"""rename(2) and renameat2(2): what is replaced, what is refused, and what never gets lost."""

from __future__ import annotations

import errno
import os

import pytest
from patterns import RENAME_EXCHANGE, RENAME_NOREPLACE, fails_with, opened, renameat2
from places import Place

LONG = "long" * 50
NAMES = [("short", "other"), ("short", LONG), (LONG, "short"), (LONG, f"other-{LONG}")]


@pytest.mark.parametrize(("old", "new"), NAMES, ids=["s-s", "s-l", "l-s", "l-l"])
def test_a_file_moves_with_its_content(place: Place, old: str, new: str) -> None:
    (place / old).write_bytes(b"content")
    (place / "dir").mkdir()
    (place / old).rename(place / new)
    (place / new).rename(place / "dir" / new)
    place.reread()
    assert os.listdir(place.root) == ["dir"]
    assert (place / "dir" / new).read_bytes() == b"content"


@pytest.mark.parametrize(("old", "new"), NAMES, ids=["s-s", "s-l", "l-s", "l-l"])
def test_a_file_replaces_another(place: Place, old: str, new: str) -> None:
    (place / old).write_bytes(b"new content")
    (place / new).write_bytes(b"old content that is longer")
    (place / old).rename(place / new)
    assert (place / new).read_bytes() == b"new content"
    place.reread()
    assert os.listdir(place.root) == [new]
    assert (place / new).read_bytes() == b"new content"


def test_a_replaced_file_stays_readable_for_who_has_it_open(place: Place) -> None:
    (place / "old").write_bytes(b"old")
    (place / "new").write_bytes(b"new")
    with opened(place / "old", os.O_RDWR) as file:
        (place / "new").rename(place / "old")
        assert os.pread(file, 10, 0) == b"old"
        os.pwrite(file, b"OLD", 0)
        assert os.pread(file, 10, 0) == b"OLD"
    assert (place / "old").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["short", LONG], ids=["short", "long"])
def test_noreplace_refuses_what_exists_and_moves_to_what_does_not(place: Place, name: str) -> None:
    (place / "one").write_bytes(b"1")
    (place / name).write_bytes(b"2")
    with fails_with(errno.EEXIST):
        renameat2(place / "one", place / name, RENAME_NOREPLACE)
    assert (place / "one").read_bytes() == b"1"
    assert (place / name).read_bytes() == b"2"
    (place / name).unlink()
    renameat2(place / "one", place / name, RENAME_NOREPLACE)
    place.reread()
    assert os.listdir(place.root) == [name]
    assert (place / name).read_bytes() == b"1"


@pytest.mark.parametrize(("one", "two"), NAMES, ids=["s-s", "s-l", "l-s", "l-l"])
def test_exchange_swaps_two_files(place: Place, one: str, two: str) -> None:
    (place / one).write_bytes(b"1")
    (place / two).write_bytes(b"2")
    renameat2(place / one, place / two, RENAME_EXCHANGE)
    place.reread()
    assert (place / one).read_bytes() == b"2"
    assert (place / two).read_bytes() == b"1"
    assert len(os.listdir(place.root)) == 2


def test_exchange_swaps_a_file_and_a_directory(place: Place) -> None:
    (place / "file").write_bytes(b"f")
    (place / "dir").mkdir()
    (place / "dir" / "inside").write_bytes(b"i")
    renameat2(place / "file", place / "dir", RENAME_EXCHANGE)
    place.reread()
    assert (place / "dir").read_bytes() == b"f"
    assert (place / "file" / "inside").read_bytes() == b"i"


def test_exchange_needs_both(place: Place) -> None:
    (place / "one").write_bytes(b"1")
    with fails_with(errno.ENOENT):
        renameat2(place / "one", place / "two", RENAME_EXCHANGE)
    assert os.listdir(place.root) == ["one"]


def test_noreplace_and_exchange_exclude_each_other(place: Place) -> None:
    (place / "one").write_bytes(b"1")
    with fails_with(errno.EINVAL):
        renameat2(place / "one", place / "two", RENAME_EXCHANGE | RENAME_NOREPLACE)


@pytest.mark.parametrize(("old", "new"), NAMES, ids=["s-s", "s-l", "l-s", "l-l"])
def test_a_directory_moves_with_its_tree(place: Place, old: str, new: str) -> None:
    (place / old / "sub" / LONG).mkdir(parents=True)
    (place / old / "sub" / "file").write_bytes(b"deep")
    (place / old).rename(place / new)
    assert (place / new / "sub" / "file").read_bytes() == b"deep"
    place.reread()
    assert os.listdir(place.root) == [new]
    assert (place / new / "sub" / "file").read_bytes() == b"deep"
    assert (place / new / "sub" / LONG).is_dir()


@pytest.mark.parametrize("new", ["empty", LONG], ids=["short", "long"])
def test_a_directory_replaces_an_empty_one(place: Place, new: str) -> None:
    (place / "full").mkdir()
    (place / "full" / "file").write_bytes(b"x")
    (place / new).mkdir()
    (place / "full").rename(place / new)
    place.reread()
    assert os.listdir(place.root) == [new]
    assert (place / new / "file").read_bytes() == b"x"


def test_a_directory_does_not_replace_one_that_is_not_empty(place: Place) -> None:
    for name in ("one", "two"):
        (place / name).mkdir()
        (place / name / "file").write_bytes(name.encode())
    with fails_with(errno.ENOTEMPTY, errno.EEXIST):
        (place / "one").rename(place / "two")
    place.reread()
    assert (place / "one" / "file").read_bytes() == b"one"
    assert (place / "two" / "file").read_bytes() == b"two"


def test_files_and_directories_do_not_replace_each_other(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    (place / "dir").mkdir()
    with fails_with(errno.EISDIR):
        (place / "file").rename(place / "dir")
    with fails_with(errno.ENOTDIR):
        (place / "dir").rename(place / "file")
    assert sorted(os.listdir(place.root)) == ["dir", "file"]


def test_a_directory_cannot_move_into_itself(place: Place) -> None:
    (place / "dir" / "sub").mkdir(parents=True)
    with fails_with(errno.EINVAL):
        (place / "dir").rename(place / "dir" / "sub" / "dir")
    assert (place / "dir" / "sub").is_dir()


def test_renaming_to_the_same_name_or_the_same_file_changes_nothing(place: Place) -> None:
    (place / "one").write_bytes(b"x")
    os.link(place / "one", place / "two")
    (place / "one").rename(place / "one")
    (place / "one").rename(place / "two")
    place.reread()
    assert sorted(os.listdir(place.root)) == ["one", "two"]


def test_a_long_name_renamed_to_its_own_hard_link_keeps_both(place: Place) -> None:
    one, two = place / f"1{LONG}", place / f"2{LONG}"
    one.write_bytes(b"x")
    os.link(one, two)
    one.rename(two)
    place.reread()
    assert len(os.listdir(place.root)) == 2
    assert one.read_bytes() == two.read_bytes() == b"x"


def test_renaming_nothing_or_to_nowhere_fails(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    with fails_with(errno.ENOENT):
        (place / "nothing").rename(place / "name")
    with fails_with(errno.ENOENT):
        (place / "file").rename(place / "nowhere" / "name")
    with fails_with(errno.ENOTDIR):
        (place / "file").rename(place / "file" / "name")
    assert os.listdir(place.root) == ["file"]


def test_an_open_file_is_written_where_it_was_moved_to(place: Place) -> None:
    (place / "dir").mkdir()
    with opened(place / "old", os.O_RDWR | os.O_CREAT) as file:
        os.write(file, b"before ")
        (place / "old").rename(place / "dir" / "new")
        (place / "dir").rename(place / "moved")
        os.write(file, b"after")
        os.fsync(file)
    place.reread()
    assert (place / "moved" / "new").read_bytes() == b"before after"


def test_a_renamed_directory_accepts_new_entries_at_once(place: Place) -> None:
    (place / "old").mkdir()
    (place / "old" / "first").write_bytes(b"1")
    (place / "old").rename(place / "new")
    (place / "new" / "second").write_bytes(b"2")
    (place / "old").mkdir()
    (place / "old" / "third").write_bytes(b"3")
    place.reread()
    assert sorted(os.listdir(place / "new")) == ["first", "second"]
    assert os.listdir(place / "old") == ["third"]


def test_the_save_of_an_editor_never_shows_half_a_file(place: Place) -> None:
    path = place / "document"
    path.write_bytes(b"version 0")
    for number in range(1, 30):
        temporary = place / f".document.{number}"
        with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
            os.write(file, b"version %d" % number)
            os.fsync(file)
        temporary.rename(path)
        assert path.read_bytes() == b"version %d" % number
    place.reread()
    assert os.listdir(place.root) == ["document"]
