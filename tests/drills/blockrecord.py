"""A disk whose writes and flushes are written down: a FUSE file system with one file, its image.

Over a loop device a real file system lies on it. The kernel hands each write of that on at once,
and asks for an fsync where the file system has its disk's cache flushed. So the record tells what
a disk with a cache may hold when the power is cut: all that came before a flush, and of the rest
whatever it likes.

    with RecordedDisk(image, base) as disk:
        ...                                   # something that mounts disk.image with -o loop
    writes = read(disk.record)
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyfuse3
import trio

_NAME: Final = b"image"
_FILE: Final = pyfuse3.InodeT(2)
_HEAD: Final = struct.Struct("<QQqI")
"""When it began and ended, in nanoseconds since the epoch; where, -1 for a flush; how much."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that were handed to the disk; without any, a flush of all that came before."""

    began: int
    ended: int
    offset: int
    data: bytes

    @property
    def is_flush(self) -> bool:
        return not self.data


def read(record: Path) -> Iterator[Write]:
    """Yield what was recorded, in the order in which it was done."""
    with record.open("rb") as file:
        while head := file.read(_HEAD.size):
            began, ended, offset, size = _HEAD.unpack(head)
            yield Write(began, ended, offset, file.read(size))


class RecordedDisk:
    """Serves `image` as `self.image`, from a process of its own, and records into `self.record`."""

    def __init__(self, image: Path, base: Path) -> None:
        self.record = base / "record"
        self._image = image
        self._mountpoint = base / "drive"
        self.image = self._mountpoint / os.fsdecode(_NAME)

    def __enter__(self) -> Self:
        self._mountpoint.mkdir()
        self._process = subprocess.Popen(
            (sys.executable, __file__, self._image, self._mountpoint, self.record),
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "the disk was not mounted"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        subprocess.run(("fusermount3", "-u", "-z", self._mountpoint), check=False)
        if error is not None:
            # What lies on it may still be mounted, and would wait for it as we for that.
            self._process.kill()
        self._process.communicate()


class _Disk(pyfuse3.Operations):
    def __init__(self, image: str, record: str) -> None:
        super().__init__()
        self._fd = os.open(image, os.O_RDWR)
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def init(self) -> None:
        os.write(1, b"mounted\n")

    def _note(self, began: int, offset: int, data: bytes) -> None:
        os.writev(self._record, (_HEAD.pack(began, time.time_ns(), offset, len(data)), data))

    async def lookup(self, parent: int, name: bytes, ctx: Any) -> pyfuse3.EntryAttributes:
        if name != _NAME:
            raise pyfuse3.FUSEError(errno.ENOENT)
        return await self.getattr(_FILE, ctx)

    async def getattr(self, inode: int, ctx: Any) -> pyfuse3.EntryAttributes:
        answer = pyfuse3.EntryAttributes()
        is_file = inode == _FILE
        answer.st_ino = pyfuse3.InodeT(inode)
        answer.st_mode = pyfuse3.ModeT(stat.S_IFREG | 0o600 if is_file else stat.S_IFDIR | 0o700)
        answer.st_size = os.fstat(self._fd).st_size if is_file else 0
        return answer

    async def setattr(
        self, inode: int, attr: Any, fields: Any, fh: int | None, ctx: Any
    ) -> pyfuse3.EntryAttributes:
        if fields.update_size:
            raise pyfuse3.FUSEError(errno.EPERM)
        return await self.getattr(inode, ctx)  # times, which nobody asks for

    async def open(self, inode: int, flags: int, ctx: Any) -> pyfuse3.FileInfo:
        return pyfuse3.FileInfo(fh=pyfuse3.FileHandleT(inode))

    async def read(self, fh: int, off: int, size: int) -> bytes:
        return os.pread(self._fd, size, off)

    async def write(self, fh: int, off: int, buf: bytes) -> int:
        began = time.time_ns()
        os.pwrite(self._fd, buf, off)
        self._note(began, off, buf)
        return len(buf)

    async def flush(self, fh: int) -> None:
        raise pyfuse3.FUSEError(errno.ENOSYS)

    async def fsync(self, fh: int, datasync: bool) -> None:
        self._note(time.time_ns(), -1, b"")


async def _serve(image: str, mountpoint: str, record: str) -> None:
    pyfuse3.init(_Disk(image, record), mountpoint, {"fsname=recorded"})
    try:
        await pyfuse3.main()
    finally:
        pyfuse3.close(unmount=False)


if __name__ == "__main__":
    trio.run(_serve, *sys.argv[1:])
