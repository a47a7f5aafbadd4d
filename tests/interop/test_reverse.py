"""Reverse views of one tree by both programs: the same bytes, and each opens the other's."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sampletree
from capabilities import needs
from support import (
    CHEAP_SCRYPT,
    Entry,
    Gocryptfs,
    MountedVolume,
    Vaultfs,
    difference,
    run_program,
    tree_digest,
    wait_until,
)

_FLAVOURS = {
    "eme": (),
    "deterministic": ("-deterministic-names", "-longnamemax", "100"),
    "plaintext": ("-plaintextnames",),
}
_CONF = ".gocryptfs.reverse.conf"


@pytest.fixture(scope="module", params=_FLAVOURS)
def plain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree with one of everything, and the config of one flavour."""
    tree = tmp_path_factory.mktemp(request.param) / "plain"
    tree.mkdir()
    sampletree.build(tree)
    make_conf(tree, *_FLAVOURS[request.param])
    return tree


def make_conf(tree: Path, *options: str) -> None:
    command = ("gocryptfs", "-init", "-reverse", "-q", *CHEAP_SCRYPT, *options, tree)
    run_program(command, b"correct horse battery\n").check()


@contextlib.contextmanager
def mounted(
    program: type[MountedVolume], base: Path, source: Path, *options: str
) -> Iterator[Path]:
    """Mount `source` and yield where."""
    base.mkdir(parents=True, exist_ok=True)
    volume = program(base, cipherdir=source, mountpoint=base / program.argv0, mount_options=options)
    volume.mount()
    try:
        yield volume.mountpoint
        volume.unmount()
    finally:
        volume.kill()


@pytest.fixture(scope="module")
def views(plain: Path) -> Iterator[tuple[Path, Path]]:
    """Return gocryptfs's view and ours."""
    base = plain.parent / "views"
    with (
        mounted(Gocryptfs, base, plain, "-reverse") as theirs,
        mounted(Vaultfs, base, plain, "-reverse") as ours,
    ):
        yield theirs, ours


def is_virtual(name: bytes) -> bool:
    return name.endswith((b"gocryptfs.diriv", b".name")) and b"names/" not in name


def without(tree: dict[bytes, Entry], *, virtual_times: bool = True) -> dict[bytes, Entry]:
    """Return `tree` without attributes, and on demand without the times of virtual files."""
    return {
        name: dataclasses.replace(
            entry,
            xattrs=(),
            mtime_ns=0 if is_virtual(name) and not virtual_times else entry.mtime_ns,
        )
        for name, entry in tree.items()
    }


def test_both_views_are_the_same_bytes_under_the_same_names(views: tuple[Path, Path]) -> None:
    # This gocryptfs shows no attributes, and its virtual files are no younger than the rest.
    theirs, ours = (without(tree_digest(view), virtual_times=False) for view in views)
    assert difference(theirs, ours) == []
    assert len(ours) > 90


def test_both_views_have_the_same_inode_numbers_and_sizes_on_disk(
    views: tuple[Path, Path],
) -> None:
    theirs, ours = map(numbers_in, views)
    assert theirs == ours


def numbers_in(view: Path) -> dict[str, tuple[int, ...]]:
    paths = (
        os.path.join(top, name) for top, folders, files in os.walk(view) for name in folders + files
    )
    return {
        os.path.relpath(path, view): (
            found.st_ino,
            found.st_nlink,
            found.st_blocks,
            found.st_blksize,
        )
        for path in paths
        if not is_virtual(os.fsencode(path))
        for found in [os.lstat(path)]
    }


def test_gocryptfs_decrypts_our_view_to_the_tree(plain: Path, views: tuple[Path, Path]) -> None:
    with mounted(Gocryptfs, plain.parent / "back", views[1], "-ro") as back:
        assert difference(expected(plain), tree_digest(back)) == []


def test_we_decrypt_both_views_to_the_tree(plain: Path, views: tuple[Path, Path]) -> None:
    theirs, ours = views
    with mounted(Vaultfs, plain.parent / "back", ours, "-ro") as back:
        assert difference(expected(plain), tree_digest(back)) == []
    with mounted(Vaultfs, plain.parent / "back", theirs, "-ro") as back:
        assert difference(without(expected(plain)), without(tree_digest(back))) == []


def expected(plain: Path) -> dict[bytes, Entry]:
    """Return the tree as it comes back: without the config."""
    tree = tree_digest(plain)
    del tree[_CONF.encode()]
    return tree


def test_a_changed_file_shows_its_new_content_in_both_views(tmp_path: Path) -> None:
    tree = tmp_path / "plain"
    tree.mkdir()
    path = tree / "file"
    path.write_bytes(b"old" * 5000)
    make_conf(tree, "-plaintextnames")
    with (
        mounted(Gocryptfs, tmp_path, tree, "-reverse") as theirs,
        mounted(Vaultfs, tmp_path, tree, "-reverse") as ours,
    ):
        shown = {(ours / "file").read_bytes(), (theirs / "file").read_bytes()}
        assert len(shown) == 1
        for content in (b"new" * 5000, b"longer" * 5000, b"", b"short"):
            path.write_bytes(content)
            wait_until(
                lambda: (ours / "file").read_bytes() not in shown, 5, "something new is shown"
            )
            shown.add((ours / "file").read_bytes())
            wait_until(
                lambda: (theirs / "file").read_bytes() == (ours / "file").read_bytes(),
                5,
                "it is what gocryptfs shows",
            )


@needs("rsync")
def test_a_second_rsync_of_our_view_transfers_nothing(tmp_path: Path) -> None:
    tree = tmp_path / "plain"
    tree.mkdir()
    sampletree.build(tree)
    make_conf(tree)
    copy = tmp_path / "copy"
    # To the nanosecond: else it leaves times alone that differ within one second.
    rsync = ("rsync", "-aHX", "--modify-window=-1", "--itemize-changes", "--delete")
    with mounted(Vaultfs, tmp_path, tree, "-reverse") as view:
        first = run_program((*rsync, f"{view}/", f"{copy}/")).check().stdout
        assert first.count(b"\n") > 100
        assert run_program((*rsync, f"{view}/", f"{copy}/")).check().stdout == b""
    with mounted(Vaultfs, tmp_path, tree, "-reverse") as view:
        # Nor after a remount.
        assert run_program((*rsync, f"{view}/", f"{copy}/")).check().stdout == b""
        # A moved directory takes along all that is below it; nothing else is touched.
        (tree / "names").rename(tree / "elsewhere")
        (tree / "sizes" / "1").write_bytes(b"!")
    with mounted(Vaultfs, tmp_path, tree, "-reverse") as view:
        run_program((*rsync, f"{view}/", f"{copy}/")).check()
    with mounted(Gocryptfs, tmp_path, copy, "-ro") as back:
        assert difference(expected(tree), tree_digest(back)) == []
    checked = Gocryptfs(tmp_path, cipherdir=copy).fsck().check()
    assert b"no problems found" in checked.stdout


def test_a_volume_that_is_not_aes_siv_is_refused_by_both(tmp_path: Path) -> None:
    volume = Gocryptfs(tmp_path)
    volume.create()
    tree = tmp_path / "plain"
    tree.mkdir()
    (tree / _CONF).write_bytes((volume.cipherdir / "gocryptfs.conf").read_bytes())
    (tmp_path / "view").mkdir()
    for program in (Gocryptfs, Vaultfs):
        refused = program(tmp_path).run("-reverse", tree, tmp_path / "view")
        assert refused.returncode == 1
        assert b"AES-SIV is required by reverse mode" in refused.stderr
