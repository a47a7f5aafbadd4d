"""A tree with one of everything that a volume can hold, and what one may do to it.

Both functions do the same to any file system, so that a mount can be compared with a plain
directory that went through the same.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

SIZES = (0, 1, 2, 4095, 4096, 4097, 4127, 4128, 4129, 8191, 8192, 8193, 12288, 131072, 1000003)
NAME_LENGTHS = (1, 15, 16, 31, 32, 175, 176, 177, 254, 255)
_WHEN = 1_500_000_000_123_456_789


def build(root: Path) -> None:
    """Fill the empty directory `root`."""
    sizes = root / "sizes"
    sizes.mkdir()
    for size in SIZES:
        (sizes / f"{size}").write_bytes(random.Random(size).randbytes(size))
    names = root / "names"
    names.mkdir()
    for length in NAME_LENGTHS:
        (names / ("n" * length)).write_bytes(b"%d" % length)
    raw = os.fsencode(names)
    for name in (b"\xff\xfe not utf-8", "Ünï ✓".encode(), b"new\nline", b" ", b'\\,:*?"'):
        with open(os.path.join(raw, name), "wb") as file:  # noqa: PTH123 - pathlib has no bytes
            file.write(name)
    for name in ("gocryptfs.conf", "gocryptfs.diriv", "gocryptfs.longname.x.name"):
        (names / name).write_bytes(b"a user's own file")
    _build_sparse(root)
    _build_links(root)
    _build_attributes(root)
    deep = root
    for depth in range(25):
        deep = deep / f"level {depth}"
        deep.mkdir()
    (deep / "bottom").write_bytes(b"deep")
    long = root / ("long directory name " * 12)
    (long / ("and another one " * 15)).mkdir(parents=True)
    (long / ("and another one " * 15) / "file").write_bytes(b"below long names")
    _settle(root)


def change(root: Path) -> None:
    """Overwrite, append, cut, move and delete in a tree that `build` made."""
    sizes = root / "sizes"
    _patch(sizes / "12288", 4090, b"across a block")
    _patch(sizes / "1000003", 500_000, random.Random(1).randbytes(70_000))
    for name in ("0", "4096", "8191"):
        with (sizes / name).open("ab") as file:
            file.write(b"appended " * 700)
    os.truncate(sizes / "131072", 70_001)
    os.truncate(sizes / "8193", 4096)
    os.truncate(sizes / "1", 10_000)
    os.truncate(sizes / "4129", 0)
    (sizes / "4097").unlink()
    names = root / "names"
    (names / ("n" * 255)).rename(names / "short now")
    (names / ("n" * 15)).rename(names / ("m" * 255))
    (names / ("n" * 176)).unlink()
    (names / ("n" * 177)).rename(root / "links" / ("n" * 177))
    (root / "level 0").rename(root / ("moved " * 40))
    _patch(root / "sparse" / "hole in the middle", 500_000, b"filled")
    os.truncate(root / "sparse" / "hole at the end", 20_000_000)
    (root / "links" / "hard 1").unlink()
    _patch(root / "links" / "hard 2", 0, b"changed")
    (root / "links" / "symbolic").unlink()
    (root / "links" / "symbolic").symlink_to("another target")
    os.setxattr(root / "attributes" / "xattrs", "user.second", b"replaced")
    os.removexattr(root / "attributes" / "xattrs", "user.empty")
    (root / "attributes" / "0400").chmod(0o644)
    (root / "a new directory" / ("x" * 200)).mkdir(parents=True)
    (root / "a new directory" / ("x" * 200) / "file").write_bytes(b"new")
    _settle(root)


def _build_sparse(root: Path) -> None:
    sparse = root / "sparse"
    sparse.mkdir()
    for name, pieces, size in (
        ("hole in the middle", {0: b"a", 1_000_000: b"z"}, 1_000_001),
        ("hole at the start", {300_000: b"end"}, 300_003),
        ("hole at the end", {0: b"start"}, 10_000_000),
        ("nothing but a hole", {}, 4096 * 20),
        ("an odd hole", {}, 4096 * 3 + 5),
        ("blocks of zeros that were written", {0: bytes(4096 * 3)}, 4096 * 3),
    ):
        path = sparse / name
        path.write_bytes(b"")
        for offset, piece in pieces.items():
            _patch(path, offset, piece)
        os.truncate(path, size)


def _build_links(root: Path) -> None:
    links = root / "links"
    links.mkdir()
    (links / "hard 1").write_bytes(b"one file")
    os.link(links / "hard 1", links / "hard 2")
    os.link(links / "hard 1", root / ("hard 3 " * 30))
    os.symlink("../sizes/4096", links / "symbolic")
    os.symlink("t" * 2900, links / "a long target")
    os.symlink(b"\xff\xfe/raw", os.fsencode(links / "raw target"))
    os.symlink("/", links / ("long name " * 20))
    os.mkfifo(links / "fifo", 0o640)


def _build_attributes(root: Path) -> None:
    attributes = root / "attributes"
    attributes.mkdir()
    for mode in (0o000, 0o200, 0o400, 0o640, 0o4755, 0o777):
        path = attributes / f"{mode:04o}"
        path.write_bytes(path.name.encode())
        path.chmod(mode)
    for mode in (0o700, 0o755, 0o1777, 0o2750, 0o500):
        (attributes / f"dir {mode:04o}").mkdir()
        (attributes / f"dir {mode:04o}").chmod(mode)
    path = attributes / "xattrs"
    path.write_bytes(b"")
    os.setxattr(path, "user.first", bytes(range(256)))
    os.setxattr(path, "user.second", b"2")
    os.setxattr(path, "user.empty", b"")
    os.setxattr(path, "user." + "long" * 20, b"x" * 1500)
    os.setxattr(attributes, "user.of a directory", b"yes")


def _patch(path: Path, offset: int, piece: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, piece, offset)
    finally:
        os.close(descriptor)


def _settle(root: Path) -> None:
    """Give everything a time of its own, so that trees built at different moments are equal."""
    top = os.fsencode(root)
    for folder, folders, files in os.walk(top, topdown=False):
        for number, name in enumerate(sorted([*folders, *files])):
            when = _WHEN + number * 1_000_000_007
            os.utime(os.path.join(folder, name), ns=(when, when), follow_symlinks=False)
    os.utime(top, ns=(_WHEN, _WHEN))
