"""What nodes are like, told and changed: sizes and targets are those of the plaintext."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from typing import Final

from vaultui.cipherfs.attributes import AttributeChange, Attributes
from vaultui.cipherfs.cipherdir import Directories
from vaultui.cipherfs.fileio import FileIO
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.openfiles import FileHandle, OpenFile, OpenFiles
from vaultui.cipherfs.report import Reporter, ReportKind
from vaultui.cipherfs.symlinks import Symlinks
from vaultui.crypto.content import ContentCipher, CorruptBlock
from vaultui.crypto.filename import BadName
from vaultui.linux.errnos import os_error

_LNK: Final = stat.S_IFLNK
_REG: Final = stat.S_IFREG
_TYPE_MASK: Final = 0o170000
_SET_ID: Final = stat.S_ISUID | stat.S_ISGID


class NodeAttributes:
    """Reads and changes attributes. Open files are reached by descriptor, others by name."""

    def __init__(
        self,
        inodes: Inodes,
        directories: Directories,
        files: OpenFiles,
        io: FileIO,
        content: ContentCipher,
        symlinks: Symlinks,
        report: Reporter,
    ) -> None:
        self._inodes = inodes
        self._directories = directories
        self._files = files
        self._io = io
        self._plain_size = content.layout.plain_size
        self._symlinks = symlinks
        self._report = report

    def of(self, node: Node, status: os.stat_result) -> Attributes:
        """Return the attributes for a backing `status` of `node`."""
        kind = status.st_mode & _TYPE_MASK
        size = status.st_size
        if kind == _REG:
            size = node.shown_size = self._plain_size(size)
            node.set_id = status.st_mode & _SET_ID != 0
        elif kind == _LNK:
            size = self._target_size(node, size)
        return Attributes(node.ino, node.generation, size, status)

    def get(self, node: Node) -> Attributes:
        return self.of(node, self.stat(node))

    def stat(self, node: Node) -> os.stat_result:
        """Return the backing status of `node`; ENOENT or ESTALE when it can't be found.

        Where it lost its name it is ESTALE, upon which the kernel looks the path up again: the
        name may have been given to another file, and was there all the time.
        """
        if node.open is not None:
            return os.fstat(node.open.fd)
        if node.directory is not None:
            return os.fstat(node.directory.fd)
        while node.parent is not None:
            directory = self._directories.enter(node.parent)
            try:
                status = os.stat(node.cname, dir_fd=directory.fd, follow_symlinks=False)
            except FileNotFoundError:
                if not self._inodes.next_name(node):
                    raise
            else:
                if node.is_inode_of(status):
                    return status
                if not self._inodes.next_name(node):
                    raise os_error(errno.ESTALE)
        if node.last_status is not None:
            return node.last_status
        raise os_error(errno.ESTALE)

    def _target_size(self, node: Node, stored_size: int) -> int:
        size = self._symlinks.plain_size(stored_size)
        if size is None:
            try:
                size = len(self.read_target(node))
            except OSError:
                size = 0
        return size

    def read_target(self, node: Node) -> bytes:
        """Return the target of the symlink `node`; EIO and a report if it is damaged."""
        if node.parent is None:
            raise os_error(errno.ESTALE)
        directory = self._directories.enter(node.parent)
        try:
            stored = os.readlink(node.cname, dir_fd=directory.fd)
        except OSError as error:
            if error.errno == errno.EINVAL:  # something else has its name by now
                raise os_error(errno.ESTALE) from None
            raise
        try:
            return self._symlinks.open(stored)
        except (BadName, CorruptBlock) as error:
            self._report(
                ReportKind.CORRUPT_METADATA,
                self._inodes.path_of(node),
                f"the target of this symlink cannot be decrypted: {error}",
            )
            raise os_error(errno.EIO) from None

    def change(self, node: Node, change: AttributeChange, handle: FileHandle | None) -> Attributes:
        """Change what `change` names, and return the attributes that result.

        The order is that of dependence: a new size or owner clears bits of the mode, and a new
        size moves the times.
        """
        before = self.stat(node)
        was_cached = node.stamp == (before.st_size, before.st_mtime_ns, before.st_ctime_ns)
        was_ours = node.open is not None and node.open.wrote_last(before)
        if change.size is not None:
            self._truncate(node, change.size, handle)
        if change.uid is not None or change.gid is not None:
            self._chown(node, _or_same(change.uid), _or_same(change.gid))
        if change.mode is not None:
            self._chmod(node, change.mode & 0o7777)
        if change.atime_ns is not None or change.mtime_ns is not None:
            if change.size is not None:
                before = self.stat(node)
            self._utime(
                node,
                before.st_atime_ns if change.atime_ns is None else change.atime_ns,
                before.st_mtime_ns if change.mtime_ns is None else change.mtime_ns,
            )
        after = self.stat(node)
        # The kernel's pages are as right as they were; its own truncation it knows about.
        if was_cached:
            node.stamp = (after.st_size, after.st_mtime_ns, after.st_ctime_ns)
        if was_ours and node.open is not None:
            node.open.last_write_ns = time.time_ns()
        return self.of(node, after)

    def _truncate(self, node: Node, size: int, handle: FileHandle | None) -> None:
        if node.children is not None:
            raise os_error(errno.EISDIR)
        file = node.open
        fd = handle.fd if handle is not None and handle.writable else None
        if fd is None and file is not None:
            fd = file.writable_fd
        if file is not None and fd is not None:
            self._io.truncate(file, fd, size)
            return
        fd = self._files.open_backing(node, writable=True, readable=False)
        try:
            if not node.is_inode_of(os.fstat(fd)):
                raise os_error(errno.ESTALE)
            self._io.truncate(file or OpenFile(node), fd, size)
        finally:
            os.close(fd)

    def _chmod(self, node: Node, mode: int) -> None:
        if node.open is not None:
            os.fchmod(node.open.fd, mode)
        elif node.kind == _LNK:
            raise os_error(errno.EOPNOTSUPP)
        elif node.directory is not None and node.directory.readable:
            os.fchmod(node.directory.fd, mode)
        else:
            with self._path_fd(node) as fd:
                os.chmod(f"/proc/self/fd/{fd}", mode)
        if node.directory is not None and node.parent is not None:
            # What may be done through the cached descriptor was decided when it was opened.
            node.directory.close()

    def _chown(self, node: Node, uid: int, gid: int) -> None:
        if node.open is not None:
            os.fchown(node.open.fd, uid, gid)
        elif node.directory is not None and node.directory.readable:
            os.fchown(node.directory.fd, uid, gid)
        else:
            directory_fd, cname = self._place(node)
            os.chown(cname, uid, gid, dir_fd=directory_fd, follow_symlinks=False)

    def _utime(self, node: Node, atime_ns: int, mtime_ns: int) -> None:
        times = (atime_ns, mtime_ns)
        if node.open is not None:
            os.utime(node.open.fd, ns=times)
        elif node.directory is not None and node.directory.readable:
            os.utime(node.directory.fd, ns=times)
        else:
            directory_fd, cname = self._place(node)
            os.utime(cname, ns=times, dir_fd=directory_fd, follow_symlinks=False)

    def access(self, node: Node, mask: int) -> bool:
        """Tell whether the backing file grants `mask` to this process; see access(2)."""
        if node.parent is None:
            fd = self._any_fd(node)
            return os.access(f"/proc/self/fd/{fd}", mask)
        directory_fd, cname = self._place(node)
        return os.access(cname, mask, dir_fd=directory_fd, follow_symlinks=False)

    def _place(self, node: Node) -> tuple[int, bytes]:
        """Return the descriptor and the name by which `node` is reached."""
        if node.parent is None:
            if node.directory is not None:
                return node.directory.fd, b"."
            raise os_error(errno.ESTALE)
        return self._directories.enter(node.parent).fd, node.cname

    def _any_fd(self, node: Node) -> int:
        if node.open is not None:
            return node.open.fd
        if node.directory is not None:
            return node.directory.fd
        raise os_error(errno.ESTALE)

    @contextlib.contextmanager
    def _path_fd(self, node: Node) -> Iterator[int]:
        """Open `node` without asking for any permission on it, and make sure that it is it."""
        directory_fd, cname = self._place(node)
        fd = os.open(cname, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_fd)
        try:
            if not node.is_inode_of(os.fstat(fd)):
                raise os_error(errno.ESTALE)
            yield fd
        finally:
            os.close(fd)


def _or_same(number: int | None) -> int:
    return -1 if number is None else number
