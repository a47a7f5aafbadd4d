"""A check finds every kind of damage, names it by both paths, and nothing else."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from openvolume import FLAVOURS, OpenVolume
from support import run_program

from vaultui.cipherfs.check import CheckSummary, DamageKind, check

LONG = "l" * 200
Found = tuple[DamageKind, str, str, str]


def run(
    vault: OpenVolume, cancelled: Callable[[], bool] = lambda: False
) -> tuple[CheckSummary, list[Found]]:
    found: list[Found] = []
    fd = os.open(vault.cipherdir, os.O_RDONLY)
    try:
        summary = check(
            fd, vault.volume, lambda *_: None, lambda *damage: found.append(damage), cancelled
        )
    finally:
        os.close(fd)
    return summary, found


@pytest.fixture
def tree(vault: OpenVolume) -> OpenVolume:
    """Return a volume with something of everything, all of it well."""
    furnish(vault)
    return vault


def furnish(vault: OpenVolume) -> None:
    vault.mkdir("dir")
    vault.mkdir("dir/" + LONG)
    vault.write("dir/file", os.urandom(300_000))
    vault.write(f"dir/{LONG}/small", b"x")
    vault.write("empty", b"")
    vault.truncate("empty", 10 << 20)
    vault.write("sparse", b"start")
    vault.write("sparse", b"end", 5 << 20)
    vault.symlink(b"target", "link")
    vault.fs.link(vault.ino("dir/file"), vault.ino(""), b"hard link")
    vault.fs.mknod(vault.ino(""), b"fifo", 0o010644, 0)
    vault.fs.setxattr(vault.ino("dir/file"), b"user.name", b"value")
    vault.fs.setxattr(vault.ino("dir"), b"user.name", b"value")


@pytest.mark.parametrize("name", FLAVOURS)
def test_every_flavour_is_read_with_its_own_layout_and_names(name: str, tmp_path: Path) -> None:
    vault = OpenVolume(tmp_path, FLAVOURS[name].create(tmp_path))
    furnish(vault)
    summary, found = run(vault)
    assert (found, summary.files) == ([], 4)
    layout = vault.volume.content.layout
    content = vault.cipher_path("dir/file")
    data = bytearray(content.read_bytes())
    for block in (3, 70):
        data[layout.cipher_offset(block)] ^= 1
    content.write_bytes(data)
    (vault.cipherdir / "foreign").write_bytes(b"")
    (vault.cipherdir / "gocryptfs.conf").write_bytes(b"{}")
    attribute = next(n for n in os.listxattr(content) if n.startswith("user.gocryptfs."))
    os.setxattr(content, attribute, b"broken")
    _summary, found = run(vault)
    vault.close()
    by_kind = {kind: reason for kind, *_paths, reason in found}
    assert len(by_kind) == len(found)
    assert by_kind[DamageKind.CONTENT] == "block 3: its tag does not match; 2 bad blocks in all"
    assert "user.name" in by_kind[DamageKind.XATTR]
    if vault.volume.names.is_plain:
        assert set(by_kind) == {DamageKind.CONTENT, DamageKind.XATTR}
    else:
        assert set(by_kind) == {DamageKind.CONTENT, DamageKind.XATTR, DamageKind.NAME}


def test_a_whole_volume_has_no_damage(tree: OpenVolume) -> None:
    summary, found = run(tree)
    assert found == []
    # The file with two names is read once, holes are not read.
    assert summary.files == 4
    assert 300_000 < summary.bytes < 1 << 20
    assert (summary.corrupt, summary.skipped, summary.cancelled) == (0, 0, False)


def test_each_kind_of_damage_is_found_and_named(tree: OpenVolume) -> None:
    content = tree.cipher_path("dir/file")
    data = bytearray(content.read_bytes())
    for block in (3, 4, 60):
        data[18 + block * 4128 + 100] ^= 1
    content.write_bytes(data)
    header = tree.cipher_path("sparse")
    header.write_bytes(bytes(18) + header.read_bytes()[18:])
    tree.cipher_path("dir").joinpath("not a name").write_bytes(b"")
    link = tree.cipher_path("link")
    link.unlink()
    link.symlink_to("AAAA")
    os.setxattr(tree.cipher_path("dir"), "user.gocryptfs.AAAA", b"x")
    attribute = next(n for n in os.listxattr(content) if n.startswith("user.gocryptfs."))
    os.setxattr(content, attribute, b"broken")
    companion = tree.cipher_path("dir/" + LONG)
    tree.write(f"dir/{LONG}/more", b"y")
    iv = companion / "gocryptfs.diriv"
    iv.chmod(0o600)
    iv.write_bytes(b"short")

    summary, found = run(tree)
    assert Counter(kind for kind, *_ in found) == {
        DamageKind.CONTENT: 2,
        DamageKind.NAME: 1,
        DamageKind.SYMLINK: 1,
        DamageKind.XATTR: 2,
        DamageKind.DIR_IV: 1,
    }
    assert summary.corrupt == 7
    by_path = {(kind, plain): (cipher, reason) for kind, plain, cipher, reason in found}
    cipher, reason = by_path[DamageKind.CONTENT, "dir/file"]
    assert tree.cipherdir / cipher == content
    assert reason.startswith("block 3: ")
    assert "3 bad blocks" in reason
    assert (DamageKind.DIR_IV, f"dir/{LONG}") in by_path
    assert (DamageKind.NAME, "dir/not a name") in by_path


def test_a_hashed_entry_without_its_companion_is_a_damaged_name(tree: OpenVolume) -> None:
    hashed = tree.cipher_path("dir/" + LONG)
    hashed.with_name(hashed.name + ".name").unlink()
    _summary, found = run(tree)
    assert [(kind, plain) for kind, plain, *_ in found] == [(DamageKind.NAME, "dir/" + hashed.name)]


@pytest.mark.parametrize("size", [5, 17, 18 + 4128 + 20, 18 + 4128 + 100])
def test_a_file_that_was_cut_is_damaged(vault: OpenVolume, size: int) -> None:
    vault.write("file", b"c" * 4096)
    os.truncate(vault.cipher_path("file"), size)
    _summary, found = run(vault)
    assert [(kind, plain) for kind, plain, *_ in found] == [(DamageKind.CONTENT, "file")]


def test_a_header_without_content_is_well(vault: OpenVolume) -> None:
    vault.write("file", b"c" * 4096)
    os.truncate(vault.cipher_path("file"), 18)
    assert run(vault)[1] == []


def test_what_an_interrupted_rmdir_left_is_named_as_that(vault: OpenVolume) -> None:
    (vault.cipherdir / "gocryptfs.diriv.rmdir.42").write_bytes(bytes(16))
    _summary, found = run(vault)
    assert [(kind, "rmdir" in reason) for kind, *_paths, reason in found] == [
        (DamageKind.NAME, True)
    ]


def test_a_check_can_be_cancelled(tree: OpenVolume) -> None:
    looks = iter([False] * 5)
    summary, _found = run(tree, lambda: next(looks, True))
    assert summary.cancelled
    assert summary.files < 4


def test_progress_names_the_path_that_is_read(tree: OpenVolume) -> None:
    seen: list[tuple[int, int, str]] = []
    fd = os.open(tree.cipherdir, os.O_RDONLY)
    try:
        check(fd, tree.volume, lambda *step: seen.append(step), lambda *_: None)
    finally:
        os.close(fd)
    assert seen[0] == (0, 0, "")


def test_a_check_writes_nothing(tree: OpenVolume) -> None:
    def state() -> dict[str, tuple[int, int]]:
        found = {}
        for above, _dirs, files in os.walk(tree.cipherdir):
            for name in files:
                status = os.lstat(os.path.join(above, name))
                found[os.path.join(above, name)] = (status.st_mtime_ns, status.st_size)
        return found

    before = state()
    run(tree)
    assert state() == before


DEPTH = 2000


@pytest.fixture
def deep(vault: OpenVolume) -> Iterator[OpenVolume]:
    """Return a volume with DEPTH directories in one another, all called `d`, and a foreign file
    in each tenth of them."""
    fd = os.open(vault.cipherdir, os.O_RDONLY)
    iv = (vault.cipherdir / "gocryptfs.diriv").read_bytes()
    for level in range(1, DEPTH + 1):
        cname = vault.volume.names.encrypt(b"d", iv)
        os.mkdir(cname, dir_fd=fd)
        below = os.open(cname, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd, iv = below, os.urandom(16)
        _write_at(fd, "gocryptfs.diriv", iv)
        if level % 10 == 0:
            _write_at(fd, "foreign", b"")
    os.close(fd)
    yield vault
    # Too deep for pytest, which removes it by recursion.
    run_program(("rm", "-rf", vault.cipherdir)).check()


def _write_at(directory_fd: int, name: str, data: bytes) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=directory_fd)
    os.write(fd, data)
    os.close(fd)


def test_a_deep_tree_needs_neither_descriptors_nor_recursion(deep: OpenVolume) -> None:
    open_files = []

    def look() -> bool:
        open_files.append(len(os.listdir("/proc/self/fd")))
        return False

    summary, found = run(deep, look)
    assert summary.corrupt == len(found) == DEPTH // 10
    assert max(open_files) - min(open_files) < 40
    deepest = max(found, key=lambda damage: len(damage[1]))
    assert deepest[1] == "d/" * DEPTH + "foreign"
    assert deepest[2].count("/") == DEPTH


def test_a_directory_that_is_moved_while_the_check_is_far_below_it_is_skipped(
    vault: OpenVolume,
) -> None:
    top = "a/b"
    vault.mkdir("a")
    vault.mkdir(top)
    vault.write("a/unread", b"x")
    vault.write("z", b"x")
    path = top
    for _ in range(60):
        path += "/d"
        vault.mkdir(path)
    vault.cipher_path(path).joinpath("foreign").write_bytes(b"")
    moved = vault.cipher_path(top)
    found: list[Found] = []

    def move(*damage: object) -> None:
        found.append(damage)  # type: ignore[arg-type]
        if damage[1] == f"{path}/foreign":
            moved.rename(vault.cipherdir / "moved")

    fd = os.open(vault.cipherdir, os.O_RDONLY)
    try:
        summary = check(fd, vault.volume, lambda *_: None, move)
    finally:
        os.close(fd)
    skipped = [(plain, reason) for kind, plain, _, reason in found if kind is DamageKind.UNREADABLE]
    assert skipped == [
        ("a", "it was moved while it was checked"),
        ("", "it was moved while it was checked"),
    ]
    assert (summary.corrupt, summary.skipped) == (1, 2)


def test_a_file_in_which_no_block_is_whole_is_counted_and_not_collected(vault: OpenVolume) -> None:
    vault.write("file", bytes(300 * 4096))
    content = vault.cipher_path("file")
    data = bytearray(content.read_bytes())
    data[5] ^= 1
    content.write_bytes(data)
    _summary, found = run(vault)
    assert [reason for *_, reason in found] == [
        "block 0: its tag does not match; 300 bad blocks in all"
    ]


def test_a_file_is_read_once_whatever_the_number_of_its_names(vault: OpenVolume) -> None:
    for folder in ("", "dir/", "dir/below/"):
        if folder:
            vault.mkdir(folder.rstrip("/"))
        for name in ("a", "b"):
            path = folder + name
            if path == "a":
                vault.write(path, b"content")
            else:
                vault.fs.link(vault.ino("a"), *vault.split(path))
    summary, found = run(vault)
    assert (summary.files, found) == (1, [])


@pytest.mark.parametrize("kind", ["directory", "symlink", "fifo"])
def test_what_stands_where_the_iv_should_be_is_damage(vault: OpenVolume, kind: str) -> None:
    vault.mkdir("dir")
    iv = vault.cipher_path("dir") / "gocryptfs.diriv"
    iv.unlink()
    if kind == "directory":
        iv.mkdir()
    elif kind == "symlink":
        iv.symlink_to("/etc/hostname")
    else:
        os.mkfifo(iv)
    _summary, found = run(vault)
    assert [(kind, plain) for kind, plain, *_ in found] == [(DamageKind.DIR_IV, "dir")]


def test_a_root_without_its_iv_is_damage_and_nothing_below_is_read(tree: OpenVolume) -> None:
    (tree.cipherdir / "gocryptfs.diriv").unlink()
    summary, found = run(tree)
    assert [(kind, plain, cipher) for kind, plain, cipher, _ in found] == [
        (DamageKind.DIR_IV, "", "")
    ]
    assert summary.files == 0


def test_a_companion_that_names_nothing_is_reported(vault: OpenVolume) -> None:
    vault.write(LONG, b"x")
    vault.cipher_path(LONG).unlink()
    _summary, found = run(vault)
    assert [(kind, cipher.endswith(".name")) for kind, _, cipher, _ in found] == [
        (DamageKind.NAME, True)
    ]


def test_where_the_file_system_has_no_attributes_there_is_nothing_to_skip(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(_fd: int) -> list[str]:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    vault.write("file", b"x")
    monkeypatch.setattr(os, "listxattr", unsupported)
    summary, found = run(vault)
    assert (found, summary.files) == ([], 1)


def test_attributes_that_cannot_be_read_do_not_end_the_check(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_fd: int) -> list[str]:
        raise OSError(errno.EIO, "Input/output error")

    vault.mkdir("dir")
    vault.write("file", b"x")
    monkeypatch.setattr(os, "listxattr", broken)
    summary, found = run(vault)
    assert {(kind, plain) for kind, plain, *_ in found} == {
        (DamageKind.UNREADABLE, path) for path in ("", "dir", "file")
    }
    assert summary.skipped == 3
