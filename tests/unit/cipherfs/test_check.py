"""A check finds every kind of damage, names it by both paths, and nothing else."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable

import pytest
from openvolume import OpenVolume

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
    return vault


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
