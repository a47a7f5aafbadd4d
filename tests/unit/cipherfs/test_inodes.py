"""Node numbers: which inode gets which, when they come again, and when nodes go."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from vaultui.cipherfs.inodes import ROOT, Inodes, Node
from vaultui.cipherfs.openfiles import OpenFile
from vaultui.model.ids import InodeNo

DEVICE = 7
OTHER_DEVICE = 8


def status(
    ino: int, mode: int = stat.S_IFREG | 0o644, *, device: int = DEVICE, nlink: int = 1
) -> os.stat_result:
    return os.stat_result((mode, ino, device, nlink, 0, 0, 0, 0, 0, 0))


def directory(ino: int) -> os.stat_result:
    return status(ino, stat.S_IFDIR | 0o755, nlink=2)


@pytest.fixture
def inodes() -> Inodes:
    return Inodes(directory(100))


def test_the_root_is_1_and_other_nodes_have_their_backing_numbers(inodes: Inodes) -> None:
    assert inodes.root.ino == ROOT == 1
    assert inodes.adopt(inodes.root, b"c", b"n", status(4711)).ino == 4711


def test_a_backing_inode_numbered_1_is_never_node_1(inodes: Inodes) -> None:
    node = inodes.adopt(inodes.root, b"c", b"n", status(1))
    assert node.ino != 1
    assert inodes.get(node.ino) is node


def test_equal_numbers_on_two_devices_are_two_nodes(inodes: Inodes) -> None:
    here = inodes.adopt(inodes.root, b"c", b"n", status(4711))
    there = inodes.adopt(inodes.root, b"d", b"m", status(4711, device=OTHER_DEVICE))
    assert here.ino != there.ino
    again = inodes.adopt(inodes.root, b"d", b"m", status(4711, device=OTHER_DEVICE))
    assert again is there


def test_a_number_that_does_not_fit_beside_a_device_gets_one_of_ours(inodes: Inodes) -> None:
    node = inodes.adopt(inodes.root, b"c", b"n", status(1 << 50))
    other = inodes.adopt(inodes.root, b"d", b"m", status(1 << 50, device=OTHER_DEVICE))
    assert len({node.ino, other.ino, 1}) == 3
    assert max(node.ino, other.ino) < 1 << 64


def test_a_node_lives_as_long_as_the_kernel_refers_to_it(inodes: Inodes) -> None:
    node = inodes.adopt(inodes.root, b"c", b"n", status(4711))
    node.refs += 3
    inodes.forget(node.ino, 2)
    assert inodes.get(node.ino) is node
    inodes.forget(node.ino, 1)
    with pytest.raises(OSError) as caught:
        inodes.get(node.ino)
    assert caught.value.errno == errno.ESTALE
    assert len(inodes) == 1


def test_forgetting_an_unknown_node_or_the_root_is_harmless(inodes: Inodes) -> None:
    inodes.forget(InodeNo(999), 5)
    inodes.forget(ROOT, 5)
    assert inodes.get(ROOT) is inodes.root


def test_a_directory_stays_while_a_node_below_it_does(inodes: Inodes) -> None:
    above = inodes.adopt(inodes.root, b"D", b"d", directory(10))
    below = inodes.adopt(above, b"F", b"f", status(11))
    above.refs = below.refs = 1
    inodes.forget(above.ino, 1)
    assert inodes.path_of(below) == "d/f"
    assert inodes.adopt(inodes.root, b"D", b"d", directory(10)) is above
    inodes.forget(below.ino, 1)
    assert len(inodes) == 1


def test_a_reused_backing_number_keeps_count_and_moves_the_generation(inodes: Inodes) -> None:
    node = inodes.adopt(inodes.root, b"c", b"n", status(4711))
    node.refs = 2
    old = node.generation
    inodes.removed(inodes.root, b"c")
    again = inodes.adopt(inodes.root, b"d", b"m", status(4711))
    assert again.generation != old
    # The kernel gives the old references back by the same number.
    again.refs += 1
    inodes.forget(again.ino, 2)
    assert inodes.get(again.ino) is again


def test_a_number_comes_with_another_generation_after_it_was_forgotten(inodes: Inodes) -> None:
    seen = set()
    for _ in range(3):
        node = inodes.adopt(inodes.root, b"c", b"n", status(4711))
        node.refs = 1
        seen.add((node.ino, node.generation))
        inodes.forget(node.ino, 1)
    assert len(seen) == 3


def test_a_number_that_returns_with_another_type_is_another_inode(inodes: Inodes) -> None:
    node = inodes.adopt(inodes.root, b"c", b"n", status(4711))
    node.refs = 1
    old = node.generation
    again = inodes.adopt(inodes.root, b"c", b"n", directory(4711))
    assert again.is_directory
    assert again.generation != old


def test_a_number_that_returns_under_another_name_is_another_inode(inodes: Inodes) -> None:
    node = inodes.adopt(inodes.root, b"c", b"n", status(4711))
    node.refs = 1
    old = node.generation
    again = inodes.adopt(inodes.root, b"d", b"m", status(4711))
    assert again.generation != old
    assert inodes.path_of(again) == "m"
    assert inodes.remove_name(inodes.root, b"c") is None
    inodes.removed(inodes.root, b"d")
    assert again.gone


def test_an_open_file_that_was_renamed_behind_our_back_stays_the_same_inode(
    inodes: Inodes,
) -> None:
    node = inodes.adopt(inodes.root, b"c", b"n", status(4711))
    node.refs = 1
    node.open = OpenFile(node)
    old = node.generation
    assert inodes.adopt(inodes.root, b"d", b"m", status(4711)).generation == old


def test_forgetting_what_was_in_a_directory_whose_number_a_file_has_is_harmless(
    inodes: Inodes,
) -> None:
    above = inodes.adopt(inodes.root, b"D", b"d", directory(10))
    above.refs = 1
    child = inodes.adopt(above, b"A", b"a", status(11))
    child.refs = 1
    inodes.adopt(inodes.root, b"F", b"f", status(10))
    inodes.forget(child.ino, 1)
    inodes.forget(above.ino, 1)
    assert len(inodes) == 1


def linked(inodes: Inodes) -> tuple[Node, Node]:
    above = inodes.adopt(inodes.root, b"D", b"d", directory(10))
    above.refs = 1
    node = inodes.adopt(inodes.root, b"A", b"a", status(11, nlink=2))
    node.refs = 1
    assert inodes.adopt(above, b"B", b"b", status(11, nlink=2)) is node
    return above, node


def test_a_file_with_two_names_loses_one_and_is_found_by_the_other(inodes: Inodes) -> None:
    _above, node = linked(inodes)
    assert inodes.path_of(node) == "d/b"
    inodes.removed(node.parent or inodes.root, b"B")
    assert inodes.path_of(node) == "a"
    assert not node.gone
    inodes.removed(inodes.root, b"A")
    assert node.parent is None
    assert node.gone


def test_moving_one_name_of_a_file_leaves_the_other(inodes: Inodes) -> None:
    above, node = linked(inodes)
    inodes.move(node, inodes.root, b"A", above, b"C", b"c")
    assert above.children == {b"B": node, b"C": node}
    assert inodes.root.children == {b"D": above}


def test_moving_a_directory_moves_the_paths_of_all_below_it(inodes: Inodes) -> None:
    above = inodes.adopt(inodes.root, b"D", b"d", directory(10))
    other = inodes.adopt(inodes.root, b"E", b"e", directory(20))
    below = inodes.adopt(above, b"F", b"f", status(11))
    for node in (above, other, below):
        node.refs = 1
    inodes.move(above, inodes.root, b"D", other, b"G", b"g")
    assert inodes.path_of(below) == "e/g/f"


def test_exchanged_entries_have_each_others_paths(inodes: Inodes) -> None:
    above = inodes.adopt(inodes.root, b"D", b"d", directory(10))
    deep = inodes.adopt(above, b"F", b"f", status(11))
    top = inodes.adopt(inodes.root, b"T", b"t", directory(12))
    for node in (above, deep, top):
        node.refs = 1
    inodes.exchange(above, b"F", b"f", inodes.root, b"T", b"t")
    assert inodes.path_of(deep) == "t"
    assert inodes.path_of(top) == "d/f"


def test_many_forgotten_nodes_leave_nothing_behind(inodes: Inodes) -> None:
    above = inodes.adopt(inodes.root, b"D", b"d", directory(10))
    above.refs = 1
    for number in range(1000, 2000):
        inodes.adopt(above, b"%d" % number, b"n", status(number)).refs = 1
    for number in range(1000, 2000):
        inodes.forget(InodeNo(number), 1)
    inodes.forget(above.ino, 1)
    assert len(inodes) == 1
    assert inodes.root.children == {}
