"""Open files: one state for each inode, shared by all its handles, and the backing descriptors.

Every open of the mount opens the backing file, so that its permissions are asked as the
caller expects, but always for reading too where it is written: a partial block must be read
before it can be written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from typing import Final

from vaultui.cipherfs.cipherdir import OpenDirectories
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.linux.errnos import os_error

_BACKING: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""O_NONBLOCK means nothing to a file; it keeps us from waiting for the other end of a FIFO
that took a file's place behind our back. O_APPEND, O_DIRECT and O_TRUNC are ours to honour."""

_NO_FILE: Final = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO})
"""What says that a symlink, a directory or a socket has the name of the file by now."""

_READ_AHEAD: Final = 128 << 10
"""Bytes that are fetched when a file is opened to be read: as much as the kernel asks for
first. Less where it ends before."""

_CLOCK_TICK_NS: Final = 20_000_000
"""File times come from a clock that moves 100 to 1000 times a second (time(7))."""


class OpenFile:
    """What all handles of one inode share, while there is one."""

    __slots__ = ("allocated", "checked", "file_id", "handles", "last_write_ns", "lock", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.handles: list[FileHandle] = []
        self.lock = threading.Lock()
        """Held for each read and each write or truncation of content, also through another
        handle, so that nobody reads a block between its old and its new state. It guards
        `file_id`, `checked`, `allocated` and the file's bytes. No other lock is taken inside."""
        self.file_id: bytes | None = None
        """None while unknown, and while the file is empty."""
        self.checked = 0.0
        """Monotonic time at which `file_id` was last compared with the header."""
        self.allocated = 0
        """Below this offset of the ciphertext file all bytes have their space on disk."""
        self.last_write_ns = 0
        """Wall clock of the last change that went through us; 0 for none."""

    @property
    def fd(self) -> int:
        """A descriptor of the backing file, whatever it was opened for."""
        return self.handles[0].fd

    def wrote_last(self, status: os.stat_result) -> bool:
        """Tell whether the last change of the backing file came through us.

        A later one than our last was somebody else's. Times may be set to the past, but not
        the ctime.
        """
        changed = max(status.st_mtime_ns, status.st_ctime_ns)
        return self.last_write_ns > 0 and changed <= self.last_write_ns + _CLOCK_TICK_NS

    @property
    def writable_fd(self) -> int | None:
        for handle in self.handles:
            if handle.writable:
                return handle.fd
        return None


class FileHandle:
    """One open of a file through the mount."""

    __slots__ = ("append", "fd", "file", "writable")

    def __init__(self, file: OpenFile, fd: int, *, writable: bool, append: bool) -> None:
        self.file = file
        self.fd = fd
        self.writable = writable
        self.append = append


class OpenFiles:
    """Opens backing files, and keeps the state of those that are open."""

    def __init__(self, inodes: Inodes, directories: OpenDirectories) -> None:
        self._inodes = inodes
        self._directories = directories

    def open(self, node: Node, flags: int) -> tuple[FileHandle, bool]:
        """Return a handle on the file `node`, and whether its cached pages are still right."""
        accmode = flags & os.O_ACCMODE
        writable = accmode != os.O_RDONLY or bool(flags & os.O_TRUNC)
        fd = self.open_backing(node, writable=writable, readable=accmode != os.O_WRONLY)
        try:
            status = os.fstat(fd)
            if not node.is_inode_of(status):
                raise os_error(errno.ESTALE)
        except BaseException:
            os.close(fd)
            raise
        seen = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        keep_cache = node.stamp == seen
        node.stamp = seen
        if not (keep_cache or writable):
            # The disk is at work while the kernel hears of the open and asks for content.
            os.posix_fadvise(fd, 0, _READ_AHEAD, os.POSIX_FADV_WILLNEED)
        handle = self.attach(node, fd, writable=writable, append=bool(flags & os.O_APPEND))
        if status.st_blocks * 512 >= status.st_size > handle.file.allocated:
            handle.file.allocated = status.st_size
        return handle, keep_cache

    def attach(self, node: Node, fd: int, *, writable: bool, append: bool) -> FileHandle:
        """Return a handle that owns `fd`, an open descriptor of `node`'s backing file."""
        file = node.open
        if file is None:
            file = node.open = OpenFile(node)
        handle = FileHandle(file, fd, writable=writable, append=append)
        file.handles.append(handle)
        return handle

    def release(self, handle: FileHandle) -> None:
        """Close the handle; the state goes with the last one."""
        file = handle.file
        node = file.node
        if handle.writable and file.last_write_ns:
            # The kernel's pages hold what went through us, and may live over the next open
            # unless somebody else wrote since.
            node.stamp = None
            with contextlib.suppress(OSError):  # of a disk that fails nothing is kept
                status = os.fstat(handle.fd)
                if file.wrote_last(status):
                    node.stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        file.handles.remove(handle)
        if not file.handles:
            node.open = None
            self._inodes.drop_if_unused(node)
        os.close(handle.fd)  # last: on a server's disk it may fail

    def open_backing(self, node: Node, *, writable: bool, readable: bool = True) -> int:
        """Return a new descriptor of the backing file, for reading and perhaps writing.

        With `readable` False the caller only asked to write, so a file of mode 0200 must do.
        The descriptor is not yet compared with `node`.
        """
        flags = (os.O_RDWR if writable else os.O_RDONLY) | _BACKING
        if node.parent is None:
            # Unlinked but open: by way of a descriptor, as /proc/PID/fd does it for others.
            if node.open is None:
                raise os_error(errno.ESTALE)
            # The link of /proc is meant to be followed, and leads to the inode itself.
            return os.open(f"/proc/self/fd/{node.open.fd}", flags & ~os.O_NOFOLLOW)
        directory = self._directories.enter(node.parent)
        try:
            return os.open(node.cname, flags, dir_fd=directory.fd)
        except PermissionError:
            if readable or not writable:
                raise
            return _open_write_only(directory.fd, node.cname, flags)
        except OSError as error:
            if error.errno in _NO_FILE:
                raise os_error(errno.ESTALE) from None
            raise


def _open_write_only(directory_fd: int, cname: bytes, flags: int) -> int:
    """Open a file that its owner may write but not read, for both.

    The permission to read is lent for the moment of the open; the path of /proc makes sure
    that it is one inode all along.
    """
    path_fd = os.open(cname, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_fd)
    try:
        mode = stat.S_IMODE(os.fstat(path_fd).st_mode)
        if mode & stat.S_IRUSR or not mode & stat.S_IWUSR:
            raise os_error(errno.EACCES)
        path = f"/proc/self/fd/{path_fd}"
        os.chmod(path, mode | stat.S_IRUSR)  # not ours: EPERM
        try:
            return os.open(path, flags & ~os.O_NOFOLLOW)
        finally:
            with contextlib.suppress(OSError):
                os.chmod(path, mode)
    finally:
        os.close(path_fd)
