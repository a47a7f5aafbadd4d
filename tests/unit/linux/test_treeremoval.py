"""A tree goes whole, and nothing that is elsewhere goes with it."""

import errno
import os
from pathlib import Path

import pytest
from capabilities import needs
from ordinaryuser import let_others_in, run_as_user
from ownnamespace import run_in_namespace

from vaultui.linux import mounting
from vaultui.linux.treeremoval import remove_tree


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "a" / "b" / "c").mkdir(parents=True)
    (top / "a" / "file").write_text("x")
    (top / "a" / "b" / "another").write_text("x")
    return top


def test_a_tree_is_removed_with_all_that_is_in_it(tree: Path) -> None:
    (tree / os.fsdecode(b"not \xff utf-8")).write_text("x")
    os.mkfifo(tree / "a" / "fifo")
    remove_tree(tree)
    assert not tree.exists()


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_tree(tmp_path / "nothing")
    remove_tree(tmp_path / "nothing" / "below")


def test_no_link_is_followed(tree: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (tree / "a" / "link").symlink_to(outside)
    (tmp_path / "to the tree").symlink_to(outside)
    remove_tree(tree)
    remove_tree(tmp_path / "to the tree")
    assert not tree.exists()
    assert not (tmp_path / "to the tree").is_symlink()
    assert (outside / "precious").exists()


@needs("ordinary-user")
def test_directories_that_their_owner_may_not_enter_go_as_well(tmp_path: Path) -> None:
    let_others_in(tmp_path)
    tmp_path.chmod(0o777)
    tree = tmp_path / "tree"

    def work() -> None:
        (tree / "a" / "b" / "c").mkdir(parents=True)
        (tree / "a" / "b").chmod(0o000)
        (tree / "a").chmod(0o500)
        remove_tree(tree)

    run_as_user(work)
    assert not tree.exists()


@needs("user-namespaces")
@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_what_is_mounted_in_a_tree_stays_with_the_directories_above_it(
    tree: Path, tmp_path: Path, kind: str
) -> None:
    """A vault that is mounted there would be emptied."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "precious").write_text("x")

    def work() -> None:
        target = str(tree / "a" / "b")
        if kind == "bind":
            mounting.bind(str(source), target)
        else:
            mounting.mount_tmpfs(target)
            (tree / "a" / "b" / "precious").write_text("x")
        with pytest.raises(OSError, match="busy") as caught:
            remove_tree(tree)
        assert caught.value.errno == errno.EBUSY
        assert (tree / "a" / "b" / "precious").exists()
        assert not (tree / "a" / "file").exists()

    run_in_namespace(work)
    assert (source / "precious").exists()


def test_a_file_is_removed_like_a_tree(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    remove_tree(file)
    assert not file.exists()


def test_a_tree_that_is_deeper_than_python_counts_and_longer_than_a_path_is_removed(
    tmp_path: Path,
) -> None:
    """A task that left one could not be put away, and after it no other."""
    top = tmp_path / "top"
    top.mkdir()
    directory = os.open(top, os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d", dir_fd=directory)
        below = os.open("d", os.O_RDONLY, dir_fd=directory)
        os.close(directory)
        directory = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=directory))
    os.close(directory)
    remove_tree(top)
    assert not top.exists()
