"""A disk that fails on command: a FUSE file system that hands everything on to a directory.

`FaultyDisk` is what a test holds. It serves `mountpoint` from a process of its own, where a
cipher directory can lie as on any drive; and it can be told that the next calls of a kind fail
with an errno, that writes come out short first, or to stop answering altogether.

    with FaultyDisk(base) as disk:
        disk.fail("write fsync", errno.EIO, after=2)   # the third of these calls, and all behind it
        ...
        disk.heal()
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyfuse3
import trio
from mounting import detach, mountpoints_below
from waiting import wait_until

CHANGES = "setattr mknod mkdir symlink link unlink rmdir rename create write setxattr removexattr"
"""Requests that change something, for `fail`."""
FOREVER = 1 << 60


class FaultyDisk:
    """The disk, as whoever breaks it sees it. `backing` is where its files really lie."""

    def __init__(self, base: Path) -> None:
        self.backing = base / "disk"
        self.mountpoint = base / "drive"
        self._process: subprocess.Popen[bytes] | None = None

    def fail(
        self,
        calls: str,
        number: int,
        *,
        after: int = 0,
        times: int = FOREVER,
        short: bool = False,
    ) -> None:
        """Have `calls` fail with errno `number` once `after` of them went well, `times` times.

        Calls are named as pyfuse3 names its handlers; an open with O_TRUNC is a "truncate", too.
        With `short`, the last write that goes well writes half of what it was given. One fault
        at a time: a new one replaces the old.
        """
        self._ask({"calls": calls.split(), "errno": number, "after": after, "times": times,
                   "short": short})  # fmt: skip

    def heal(self) -> list[str]:
        """Have nothing fail any more; return the calls that failed since `fail`."""
        return list(self._ask({})["failed"])

    def hang(self) -> None:
        """Stop answering, until `wake`."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(order).encode() + b"\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        self.backing.mkdir(parents=True)
        self.mountpoint.mkdir()
        self._process = subprocess.Popen(
            (sys.executable, __file__, self.backing, self.mountpoint),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._ask({})  # answered once it is mounted
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        process = self._process
        assert process is not None
        self.wake()
        # What lies on it may take a moment to let go of it.
        with contextlib.suppress(AssertionError):
            wait_until(self._try_to_unmount, 5, "the faulty disk is unmounted")
        process.kill()
        process.communicate()
        detach(self.mountpoint)

    def _try_to_unmount(self) -> bool:
        quiet = subprocess.DEVNULL
        subprocess.run(("fusermount3", "-u", self.mountpoint), stderr=quiet, check=False)
        return not mountpoints_below(self.mountpoint)


class _Fault:
    """What is to fail next. Everything until told otherwise goes well."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.failed: list[str] = []
        self._calls = frozenset(order.get("calls", ()))
        self._errno: int = order.get("errno", 0)
        self._after: int = order.get("after", 0)
        self._times: int = order.get("times", 0)
        self._short: bool = order.get("short", False)

    def meet(self, call: str) -> bool:
        """Raise FUSEError if it is the turn of `call`; return whether it must come out short."""
        if call not in self._calls:
            return False
        if self._after:
            self._after -= 1
            return self._short and not self._after and call == "write"
        if len(self.failed) < self._times:
            self.failed.append(call)
            raise pyfuse3.FUSEError(self._errno)
        return False


class _Node:
    """An inode that the kernel knows, by an O_PATH descriptor of it."""

    def __init__(self, fd: int, key: tuple[int, int]) -> None:
        self.fd = fd
        self.key = key
        self.lookups = 0

    @property
    def path(self) -> str:
        return f"/proc/self/fd/{self.fd}"


class _Passthrough(pyfuse3.Operations):
    """Hands requests on to a directory, unless a fault is to be met."""

    enable_writeback_cache = False

    def __init__(self, top: str) -> None:
        super().__init__()
        self.fault = _Fault({})
        self.is_served = trio.Event()
        self._nodes: dict[int, _Node] = {}
        self._numbers: dict[tuple[int, int], int] = {}
        self._next = pyfuse3.ROOT_INODE
        self._adopt(os.open(top, os.O_PATH))

    def init(self) -> None:
        self.is_served.set()

    def _adopt(self, fd: int) -> int:
        """Return the number of the inode behind an O_PATH descriptor, which becomes the node's."""
        status = os.fstat(fd)
        key = (status.st_dev, status.st_ino)
        number = self._numbers.get(key)
        if number is None:
            number, self._next = self._next, self._next + 1
            self._numbers[key] = number
            self._nodes[number] = _Node(fd, key)
        else:
            os.close(fd)
        self._nodes[number].lookups += 1
        return number

    def _found(self, parent: int, name: bytes) -> pyfuse3.EntryAttributes:
        flags = os.O_PATH | os.O_NOFOLLOW
        fd = os.open(name, flags, dir_fd=self._nodes[parent].fd)
        return self._attributes(self._adopt(fd))

    def _attributes(self, number: int, fd: int | None = None) -> pyfuse3.EntryAttributes:
        status = os.fstat(self._nodes[number].fd if fd is None else fd)
        answer = pyfuse3.EntryAttributes()
        for field in _STAT_FIELDS:
            setattr(answer, field, getattr(status, field))
        answer.st_ino = pyfuse3.InodeT(number)
        # Nothing is remembered by the kernel: what fails must fail whenever it is asked for.
        answer.entry_timeout = answer.attr_timeout = 0
        return answer

    async def lookup(self, parent: int, name: bytes, ctx: Any) -> pyfuse3.EntryAttributes:
        with self._meeting("lookup"):
            return self._found(parent, name)

    async def forget(self, inodes: Any) -> None:
        for number, count in inodes:
            node = self._nodes[number]
            node.lookups -= count
            if not node.lookups:
                del self._nodes[number], self._numbers[node.key]
                os.close(node.fd)

    async def getattr(self, inode: int, ctx: Any) -> pyfuse3.EntryAttributes:
        with self._meeting("getattr"):
            return self._attributes(inode)

    async def setattr(
        self, inode: int, attr: Any, fields: Any, fh: int | None, ctx: Any
    ) -> pyfuse3.EntryAttributes:
        with self._meeting("setattr"):
            path = self._nodes[inode].path
            if fields.update_mode:
                os.chmod(path, stat.S_IMODE(attr.st_mode))
            if fields.update_uid or fields.update_gid:
                uid = attr.st_uid if fields.update_uid else -1
                gid = attr.st_gid if fields.update_gid else -1
                os.chown(path, uid, gid)
            if fields.update_size:
                os.truncate(path if fh is None else fh, attr.st_size)
            if fields.update_atime or fields.update_mtime:
                now = self._attributes(inode)
                atime = attr.st_atime_ns if fields.update_atime else now.st_atime_ns
                mtime = attr.st_mtime_ns if fields.update_mtime else now.st_mtime_ns
                os.utime(path, ns=(atime, mtime))
            return self._attributes(inode)

    async def readlink(self, inode: int, ctx: Any) -> bytes:
        with self._meeting("readlink"):
            return os.fsencode(os.readlink("", dir_fd=self._nodes[inode].fd))

    async def mknod(self, parent: int, name: bytes, mode: int, rdev: int, ctx: Any) -> Any:
        with self._meeting("mknod"):
            os.mknod(name, mode, rdev, dir_fd=self._nodes[parent].fd)
            return self._found(parent, name)

    async def mkdir(self, parent: int, name: bytes, mode: int, ctx: Any) -> Any:
        with self._meeting("mkdir"):
            os.mkdir(name, mode, dir_fd=self._nodes[parent].fd)
            return self._found(parent, name)

    async def symlink(self, parent: int, name: bytes, target: bytes, ctx: Any) -> Any:
        with self._meeting("symlink"):
            os.symlink(target, name, dir_fd=self._nodes[parent].fd)
            return self._found(parent, name)

    async def link(self, inode: int, parent: int, name: bytes, ctx: Any) -> Any:
        with self._meeting("link"):
            os.link(
                self._nodes[inode].path,
                name,
                dst_dir_fd=self._nodes[parent].fd,
                follow_symlinks=True,
            )
            return self._found(parent, name)

    async def unlink(self, parent: int, name: bytes, ctx: Any) -> None:
        with self._meeting("unlink"):
            os.unlink(name, dir_fd=self._nodes[parent].fd)

    async def rmdir(self, parent: int, name: bytes, ctx: Any) -> None:
        with self._meeting("rmdir"):
            os.rmdir(name, dir_fd=self._nodes[parent].fd)

    async def rename(
        self, parent: int, name: bytes, new_parent: int, new_name: bytes, flags: int, ctx: Any
    ) -> None:
        with self._meeting("rename"):
            if flags:
                raise pyfuse3.FUSEError(errno.EINVAL)
            source, target = self._nodes[parent].fd, self._nodes[new_parent].fd
            os.rename(name, new_name, src_dir_fd=source, dst_dir_fd=target)

    async def open(self, inode: int, flags: int, ctx: Any) -> pyfuse3.FileInfo:
        with self._meeting("open"):
            if flags & os.O_TRUNC:
                self.fault.meet("truncate")
            fd = os.open(self._nodes[inode].path, flags & ~(os.O_NOFOLLOW | os.O_CREAT))
            return pyfuse3.FileInfo(fh=pyfuse3.FileHandleT(fd))

    async def create(self, parent: int, name: bytes, mode: int, flags: int, ctx: Any) -> Any:
        with self._meeting("create"):
            fd = os.open(name, flags | os.O_CREAT, mode, dir_fd=self._nodes[parent].fd)
            info = pyfuse3.FileInfo(fh=pyfuse3.FileHandleT(fd))
            return info, self._found(parent, name)

    async def read(self, fh: int, off: int, size: int) -> bytes:
        with self._meeting("read"):
            return os.pread(fh, size, off)

    async def write(self, fh: int, off: int, buf: bytes) -> int:
        with self._meeting("write") as is_short:
            return os.pwrite(fh, buf[: (len(buf) + 1) // 2] if is_short else buf, off)

    async def flush(self, fh: int) -> None:
        with self._meeting("flush"):
            os.close(os.dup(fh))

    async def fsync(self, fh: int, datasync: bool) -> None:
        with self._meeting("fsync"):
            os.fsync(fh)

    async def release(self, fh: int) -> None:
        os.close(fh)

    async def opendir(self, inode: int, ctx: Any) -> Any:
        with self._meeting("opendir"):
            return os.open(self._nodes[inode].path, os.O_RDONLY | os.O_DIRECTORY)

    async def readdir(self, fh: int, start_id: int, token: Any) -> None:
        with self._meeting("readdir"):
            for place, name in enumerate(sorted(map(os.fsencode, os.listdir(fh))), 1):
                if place <= start_id:
                    continue
                number = self._adopt(os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=fh))
                if not pyfuse3.readdir_reply(token, name, self._attributes(number), place):
                    await self.forget([(number, 1)])
                    break

    async def fsyncdir(self, fh: int, datasync: bool) -> None:
        with self._meeting("fsyncdir"):
            os.fsync(fh)

    async def releasedir(self, fh: int) -> None:
        os.close(fh)

    async def statfs(self, ctx: Any) -> pyfuse3.StatvfsData:
        with self._meeting("statfs"):
            found = os.statvfs(self._nodes[pyfuse3.ROOT_INODE].fd)
            answer = pyfuse3.StatvfsData()
            for field in _STATFS_FIELDS:
                setattr(answer, field, getattr(found, field))
            return answer

    async def getxattr(self, inode: int, name: bytes, ctx: Any) -> bytes:
        with self._meeting("getxattr"):
            return os.getxattr(self._nodes[inode].path, name)

    async def listxattr(self, inode: int, ctx: Any) -> list[bytes]:
        with self._meeting("listxattr"):
            return [os.fsencode(name) for name in os.listxattr(self._nodes[inode].path)]

    async def setxattr(self, inode: int, name: bytes, value: bytes, ctx: Any) -> None:
        with self._meeting("setxattr"):
            os.setxattr(self._nodes[inode].path, name, value)

    async def removexattr(self, inode: int, name: bytes, ctx: Any) -> None:
        with self._meeting("removexattr"):
            os.removexattr(self._nodes[inode].path, name)

    @contextlib.contextmanager
    def _meeting(self, call: str) -> Any:
        """Meet the fault, and hand on the errno of the directory below."""
        is_short = self.fault.meet(call)
        try:
            yield is_short
        except OSError as error:
            raise pyfuse3.FUSEError(error.errno or errno.EIO) from None


_STAT_FIELDS = (
    *("st_mode", "st_nlink", "st_uid", "st_gid", "st_rdev", "st_size", "st_blksize"),
    *("st_blocks", "st_atime_ns", "st_mtime_ns", "st_ctime_ns"),
)
_STATFS_FIELDS = (
    *("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail"),
    *("f_files", "f_ffree", "f_favail", "f_namemax"),
)


async def _serve(top: str, mountpoint: str) -> None:
    operations = _Passthrough(top)
    pyfuse3.init(operations, mountpoint, {"fsname=faulty", "default_permissions"})
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pyfuse3.main)
            nursery.start_soon(_obey, operations)
    finally:
        pyfuse3.close(unmount=False)


async def _obey(operations: _Passthrough) -> None:
    """Take orders, a line of JSON each, until nobody gives any more."""
    await operations.is_served.wait()
    orders = trio.lowlevel.FdStream(os.dup(0))
    pending = b""
    async for piece in orders:
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            answer = {"failed": operations.fault.failed}
            operations.fault = _Fault(json.loads(line))
            os.write(1, json.dumps(answer).encode() + b"\n")
    pyfuse3.terminate()


if __name__ == "__main__":
    os.umask(0)
    trio.run(_serve, *sys.argv[1:])
