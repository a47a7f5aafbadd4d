"""Making, listing and removing directories, and listing them while they change."""

from __future__ import annotations

import errno
import os
import stat

from patterns import fails_with, opened
from places import Place


def test_a_directory_gets_the_mode_it_was_asked_for(place: Place) -> None:
    wanted = {
        oct(mode): mode
        for mode in (0o777, 0o755, 0o700, 0o500, 0o555, 0o300, 0o000, 0o1777, 0o2755)
    }
    before = os.umask(0)
    try:
        for name, mode in wanted.items():
            os.mkdir(place / name, mode & 0o1777)
            if mode & stat.S_ISGID:
                (place / name).chmod(mode)
    finally:
        os.umask(before)
    place.reread()
    assert {name: stat.S_IMODE((place / name).stat().st_mode) for name in wanted} == wanted
    for name in wanted:
        os.rmdir(place / name)
    assert os.listdir(place.root) == []


def test_the_umask_of_the_caller_counts(place: Place) -> None:
    before = os.umask(0o027)
    try:
        os.mkdir(place / "dir", 0o777)
        with opened(place / "file", os.O_WRONLY | os.O_CREAT, 0o666):
            pass
    finally:
        os.umask(before)
    place.reread()
    assert stat.S_IMODE((place / "dir").stat().st_mode) == 0o750
    assert stat.S_IMODE((place / "file").stat().st_mode) == 0o640


def test_a_directory_without_write_permission_is_removed_by_its_parent(place: Place) -> None:
    (place / "dir").mkdir(0o500)
    (place / "dir").rmdir()
    place.reread()
    assert os.listdir(place.root) == []


def test_mkdir_does_not_replace_anything(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    (place / "dir").mkdir()
    for name in ("file", "dir"):
        with fails_with(errno.EEXIST):
            (place / name).mkdir()
    with fails_with(errno.ENOENT):
        (place / "nowhere" / "dir").mkdir()
    with fails_with(errno.ENOTDIR):
        (place / "file" / "dir").mkdir()


def test_rmdir_refuses_what_is_not_an_empty_directory(place: Place) -> None:
    (place / "full").mkdir()
    (place / "full" / "file").write_bytes(b"kept")
    (place / "file").write_bytes(b"x")
    with fails_with(errno.ENOTEMPTY):
        (place / "full").rmdir()
    with fails_with(errno.ENOTDIR):
        (place / "file").rmdir()
    with fails_with(errno.ENOENT):
        (place / "nothing").rmdir()
    place.reread()
    assert (place / "full" / "file").read_bytes() == b"kept"
    (place / "full" / "second").write_bytes(b"still a working directory")
    assert len(os.listdir(place / "full")) == 2


def test_unlink_refuses_a_directory_and_what_is_not_there(place: Place) -> None:
    (place / "dir").mkdir()
    with fails_with(errno.EISDIR, errno.EPERM):
        os.unlink(place / "dir")
    with fails_with(errno.ENOENT):
        os.unlink(place / "nothing")
    assert (place / "dir").is_dir()


def test_a_removed_directory_that_is_open_is_empty_and_takes_nothing_new(place: Place) -> None:
    (place / "dir").mkdir()
    with opened(place / "dir", os.O_RDONLY | os.O_DIRECTORY) as folder:
        (place / "dir").rmdir()
        assert os.listdir(folder) == []
        with fails_with(errno.ENOENT):
            os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=folder)


def test_a_listing_has_the_right_names_types_and_inodes(place: Place) -> None:
    (place / "file").write_bytes(b"x")
    (place / "dir").mkdir()
    (place / "link").symlink_to("file")
    os.mkfifo(place / "fifo")
    place.reread()
    with os.scandir(place.root) as entries:
        found = {entry.name: entry for entry in entries}
        assert set(found) == {"file", "dir", "link", "fifo"}
        assert found["file"].is_file(follow_symlinks=False)
        assert found["dir"].is_dir(follow_symlinks=False)
        assert found["link"].is_symlink()
        for name, entry in found.items():
            assert entry.inode() == (place / name).lstat().st_ino


def test_a_large_directory_is_listed_whole(place: Place) -> None:
    names = {f"file-{number:05}" + "x" * (number % 200) for number in range(3000)}
    for name in names:
        with opened(place / name, os.O_WRONLY | os.O_CREAT):
            pass
    place.reread()
    listed = os.listdir(place.root)
    assert len(listed) == len(names)
    assert set(listed) == names


def test_removing_while_listing_removes_everything_once(place: Place) -> None:
    for number in range(1500):
        (place / f"{number:04}").write_bytes(b"")
    removed = []
    with os.scandir(place.root) as entries:
        for entry in entries:
            os.unlink(entry.path)
            removed.append(entry.name)
    assert sorted(removed) == [f"{number:04}" for number in range(1500)]
    assert os.listdir(place.root) == []


def test_entries_that_stay_are_listed_exactly_once_while_others_come_and_go(
    place: Place,
) -> None:
    for number in range(1000):
        (place / f"stay-{number:04}").write_bytes(b"")
        (place / f"go-{number:04}").write_bytes(b"")
    seen = []
    with os.scandir(place.root) as entries:
        for position, entry in enumerate(entries):
            seen.append(entry.name)
            if position < 1000:
                (place / f"go-{position:04}").unlink(missing_ok=True)
                (place / f"new-{position:04}").write_bytes(b"")
    stayed = [name for name in seen if name.startswith("stay-")]
    assert sorted(stayed) == [f"stay-{number:04}" for number in range(1000)]
    assert len(seen) == len(set(seen)), "an entry was listed twice"


def test_a_listing_can_be_rewound_and_shows_what_is_new(place: Place) -> None:
    (place / "one").write_bytes(b"")
    with opened(place.root, os.O_RDONLY | os.O_DIRECTORY) as folder:
        assert os.listdir(folder) == ["one"]
        (place / "two").write_bytes(b"")
        assert sorted(os.listdir(folder)) == ["one", "two"]
        (place / "one").unlink()
        assert os.listdir(folder) == ["two"]


def test_a_tree_is_removed_as_rm_does_it(place: Place) -> None:
    top = place / "top"
    for number in range(20):
        folder = top / f"dir-{number}" / ("deep" * 48)
        folder.mkdir(parents=True)
        for name in ("file", "l" * 220):
            (folder / name).write_bytes(b"x")
        (folder / "link").symlink_to("file")
    for folder, folders, files in os.walk(top, topdown=False):
        for name in files:
            os.unlink(os.path.join(folder, name))
        for name in folders:
            os.rmdir(os.path.join(folder, name))
    top.rmdir()
    place.reread()
    assert os.listdir(place.root) == []


def test_directories_count_their_subdirectories_as_links_or_not_at_all(place: Place) -> None:
    (place / "dir").mkdir()
    alone = (place / "dir").stat().st_nlink
    (place / "dir" / "sub").mkdir()
    # btrfs answers 1 for every directory; find(1) knows both conventions.
    assert (alone, (place / "dir").stat().st_nlink) in {(2, 3), (1, 1)}
