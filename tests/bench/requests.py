"""Calls of a program that each cause one kind of request, for `make profile`."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

KIB, MIB = 1 << 10, 1 << 20
WARM = 64
"""Calls before the measured ones: an interpreter, a heap and a cache get going."""

Work = Iterator[None]
"""Makes its files; yields to be remounted; warms up; yields; makes `calls` calls; yields."""


@dataclass(frozen=True)
class Kind:
    """A kind of request, and the calls that cause it."""

    name: str
    make: Callable[[Path, int], Work]
    calls: int
    besides: str = ""
    """Another kind, which the making of each call's file brings along, once."""


def _files(root: Path, count: int, content: bytes = b"x") -> list[str]:
    folder = root / "files"
    folder.mkdir()
    paths = [str(folder / f"file {number}") for number in range(count)]
    for path in paths:
        with open(path, "wb") as file:  # noqa: PTH123 - thousands of them
            file.write(content)
    return paths


def _split(items: list[str]) -> tuple[list[str], list[str]]:
    return items[:WARM], items[WARM:]


def each(work: Callable[[str], object], *, seen: bool = True) -> Callable[[Path, int], Work]:
    """Return calls of `work` on one file after the other, which the kernel has `seen` before."""

    def make(root: Path, count: int) -> Work:
        warm, measured = _split(_files(root, WARM + count))
        yield
        if seen:
            for path in measured:
                os.lstat(path)
        for path in warm:
            work(path)
        yield
        for path in measured:
            work(path)
        yield

    return make


def on_one(
    work: Callable[[int, int], object], *, size: int = 0, flags: int = os.O_RDWR
) -> Callable[[Path, int], Work]:
    """Return calls of `work` with a descriptor of one file of `size` bytes, and a number."""

    def make(root: Path, count: int) -> Work:
        path = root / "one"
        with path.open("wb") as file:
            for _ in range(0, size, MIB):
                file.write(os.urandom(min(size, MIB)))
        yield
        fd = os.open(path, flags)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        for number in range(WARM):
            work(fd, number)
        yield
        for number in range(WARM, WARM + count):
            work(fd, number)
        yield
        os.close(fd)

    return make


def opening(root: Path, count: int, *, closes: bool = False) -> Work:
    warm, measured = _split(_files(root, WARM + count))
    yield
    for path in measured:
        os.lstat(path)
    for path in warm:
        os.close(os.open(path, os.O_RDONLY))
    opened = [os.open(path, os.O_RDONLY) for path in measured] if closes else []
    yield
    if closes:
        for fd in opened:
            os.close(fd)
    else:
        opened = [os.open(path, os.O_RDONLY) for path in measured]
    yield
    if not closes:
        for fd in opened:
            os.close(fd)


def closing(root: Path, count: int) -> Work:
    return opening(root, count, closes=True)


def creating(root: Path, count: int) -> Work:
    folder = root / "new"
    folder.mkdir()
    yield
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    opened = [os.open(folder / f"warm {number}", flags) for number in range(WARM)]
    yield
    opened += [os.open(folder / f"file {number}", flags) for number in range(count)]
    yield
    for fd in opened:
        os.close(fd)


def making_directories(root: Path, count: int) -> Work:
    folder = root / "new"
    folder.mkdir()
    yield
    for number in range(WARM):
        (folder / f"warm {number}").mkdir()
    yield
    for number in range(count):
        (folder / f"folder {number}").mkdir()
    yield


def listing(root: Path, count: int) -> Work:
    _files(root, count)
    (root / "warm").mkdir()
    yield
    os.listdir(root / "warm")
    yield
    assert len(os.listdir(root / "files")) == count
    yield


def forgetting(root: Path, count: int) -> Work:
    paths = _files(root, count)
    yield
    for path in paths:
        os.lstat(path)
    yield
    Path("/proc/sys/vm/drop_caches").write_text("2")
    yield


def reading_streams(root: Path, count: int) -> Work:
    piece = 128 * KIB
    for name, pieces in (("warm", WARM), ("stream", count)):
        with (root / name).open("wb") as file:
            for _ in range(pieces):
                file.write(os.urandom(piece))
    yield
    for name in ("warm", "stream"):
        fd = os.open(root / name, os.O_RDONLY)
        if name == "stream":
            yield
        while os.read(fd, piece):
            pass
        os.close(fd)
    yield


def _forced_stat(fd: int, _number: int) -> None:
    """Ask for the attributes of a file past the kernel's own (AT_STATX_SYNC_AS_STAT is 0)."""
    at_empty_path, force_sync, basic_stats = 0x1000, 0x2000, 0x7FF
    if _LIBC.statx(fd, b"", at_empty_path | force_sync, basic_stats, _STATX_BUFFER):
        raise OSError(ctypes.get_errno(), "statx")


_LIBC = ctypes.CDLL(None, use_errno=True)
_STATX_BUFFER = ctypes.create_string_buffer(256)
_PLACES = random.Random(8).sample(range(8192), 8192)
"""Pages of a file of 32 MiB, each once: none is answered from the kernel's own."""
_PAGE, _PIECE, _MEBI = bytes(4 * KIB), bytes(128 * KIB), mmap.mmap(-1, MIB)


def _no_attribute(path: str) -> None:
    try:
        os.getxattr(path, "user.none")
    except OSError as error:
        if error.errno != errno.ENODATA:
            raise


def _missing(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.lstat(path + " is not there")


KINDS = (
    Kind("lookup", each(os.lstat, seen=False), 2000),
    Kind("lookup of what is not there", each(_missing, seen=False), 2000),
    Kind("getattr", on_one(_forced_stat), 4000),
    Kind("setattr (times)", on_one(lambda fd, n: os.utime(fd, ns=(n, n))), 2000),
    Kind("open", opening, 2000, "lookup"),
    Kind("release", closing, 2000, "open"),
    Kind("create", creating, 1500),
    Kind("read 4 KiB, random", on_one(lambda fd, n: os.pread(fd, 4096, _PLACES[n] << 12),
         size=32 * MIB), 4000),
    Kind("read 128 KiB, in a row", reading_streams, 600),
    Kind("write 4 KiB, random", on_one(lambda fd, n: os.pwrite(fd, _PAGE, _PLACES[n] << 12),
         size=32 * MIB), 3000),
    Kind("write 4 KiB, at the end", on_one(lambda fd, n: os.write(fd, _PAGE)), 3000),
    Kind("write 128 KiB, at the end", on_one(lambda fd, n: os.write(fd, _PIECE)), 400),
    Kind("write 1 MiB, at the end", on_one(lambda fd, n: os.write(fd, _MEBI)), 64),
    Kind("list, for each entry", listing, 3000),
    Kind("unlink", each(os.unlink), 1500, "lookup"),
    Kind("mkdir", making_directories, 500),
    Kind("rename", each(lambda path: os.rename(path, path + " renamed")), 1500, "lookup"),
    Kind("forget", forgetting, 3000, "lookup"),
    Kind("getxattr of what is not there", each(_no_attribute), 2000, "lookup"),
    Kind("fsync", on_one(lambda fd, n: os.fsync(fd), size=MIB), 300),
)  # fmt: skip
