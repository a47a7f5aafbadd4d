"""Proves that volumes of every kind, made by the real gocryptfs, open whole and can be written.

make_volumes.py made them; each holds the tree of exampletree.py.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from capabilities import needs
from exampletree import PASSWORD, fill, unpack
from openvolume import OpenVolume
from support import Gocryptfs

from vaultui.cipherfs.check import check

ARCHIVES = sorted(Path(__file__).with_name("volumes").glob("*.tar.gz"))
assert ARCHIVES
each_archive = pytest.mark.parametrize(
    "archive", ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.gz")
)
pytestmark = needs("user-xattrs")


@dataclass(frozen=True)
class Found:
    """What must be the same of a name, wherever its tree is looked at."""

    mode: int
    links: int
    mtime: int
    content: bytes
    xattrs: dict[bytes, bytes] = field(default_factory=dict)


def lying_in(root: Path) -> Iterator[tuple[str, Found]]:
    for folder, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            if path.is_symlink():
                content = os.fsencode(path.readlink())
            else:
                content = path.read_bytes() if path.is_file() else b""
            attributes = {
                os.fsencode(key): os.getxattr(path, key, follow_symlinks=False)
                for key in os.listxattr(path, follow_symlinks=False)
            }
            yield str(path.relative_to(root)), found(status, content, attributes)


def shown_by(vault: OpenVolume, folder: str = "") -> Iterator[tuple[str, Found]]:
    for name in vault.list(folder):
        path = f"{folder}/{name}".lstrip("/")
        attributes = vault.attributes(path)
        ino, kind = attributes.ino, stat.S_IFMT(attributes.mode)
        content = b""
        if kind == stat.S_IFLNK:
            content = bytes(vault.fs.readlink(ino))
        elif kind == stat.S_IFREG:
            content = vault.read(path)
        if kind != stat.S_IFDIR:
            assert attributes.size == len(content)
        xattrs = {key: vault.fs.getxattr(ino, key) for key in vault.fs.listxattr(ino)}
        yield path, found(attributes.stat, content, xattrs)
        if kind == stat.S_IFDIR:
            yield from shown_by(vault, path)


def found(status: os.stat_result, content: bytes, xattrs: dict[bytes, bytes]) -> Found:
    links = 0 if stat.S_ISDIR(status.st_mode) else status.st_nlink
    return Found(status.st_mode, links, int(status.st_mtime), content, xattrs)


def damages(vault: OpenVolume) -> list[tuple[object, ...]]:
    damage: list[tuple[object, ...]] = []
    directory = os.open(vault.cipherdir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        check(directory, vault.volume, lambda *_: None, lambda *what: damage.append(what))
    finally:
        os.close(directory)
    return damage


@each_archive
def test_an_example_volume_holds_its_tree(archive: Path, tmp_path: Path) -> None:
    unpack(archive, tmp_path / "cipher")
    (tmp_path / "plain").mkdir()
    fill(tmp_path / "plain", xattrs="reverse" not in archive.name)
    vault = OpenVolume(tmp_path / "cipher")
    assert dict(shown_by(vault)) == dict(lying_in(tmp_path / "plain"))
    assert vault.reports == []
    vault.close()
    assert damages(vault) == []


@needs("fuse", "gocryptfs")
@each_archive
def test_gocryptfs_reads_what_we_changed_in_an_example_volume(
    archive: Path, tmp_path: Path
) -> None:
    theirs = Gocryptfs(tmp_path, password=PASSWORD)
    unpack(archive, theirs.cipherdir)
    vault = OpenVolume(theirs.cipherdir)
    vault.write("block and one", b"across", 4093)
    vault.write("block", b"appended", 4096)
    vault.write("empty", b"no longer")
    vault.write("hole", b"filled", 5000)
    vault.truncate("hole", 20_000)
    vault.truncate("one", 0)
    vault.rename("names/" + "n" * 31, "names/" + "m" * 255)
    vault.rename("names/" + "n" * 255, "short")
    vault.unlink("names/" + "n" * 176)
    vault.mkdir("new " * 50)
    vault.write("new " * 50 + "/file", b"new" * 3000)
    vault.symlink(b"another target", "new link")
    vault.fs.setxattr(vault.ino("block"), b"user.new", b"value")
    vault.reopen()
    expected = dict(shown_by(vault))
    assert expected["block and one"].content[4090:] == b"\xfa\xfb\xfcacross"
    assert expected["names/" + "m" * 255].content == b"n" * 31
    vault.close()
    assert damages(vault) == []
    with theirs:
        assert dict(lying_in(theirs.mountpoint)) == expected
