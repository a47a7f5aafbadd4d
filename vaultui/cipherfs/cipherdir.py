"""Directories of the cipher directory: cached descriptors, and IVs where there are any.

All work on names is relative to the descriptor of a directory and follows no symlink. A
descriptor stays right through renames of its directory and of all above it. An IV is
checked again by one `stat` when its last check is older than the coherence time, and before
a name is made: a sync client may have replaced it.
"""

from __future__ import annotations

import errno
import math
import os
import time
from typing import Final

from vaultui.cipherfs.entrynames import EntryNames
from vaultui.cipherfs.inodes import ROOT, Inodes, Node
from vaultui.cipherfs.metadata import BadDirIv, UnreadableName, read_dir_iv
from vaultui.cipherfs.report import Reporter, ReportKind
from vaultui.crypto.filename import FIXED_IV, BadName
from vaultui.format.names import DIR_IV_NAME
from vaultui.linux.errnos import os_error

_OPEN_DIRECTORY: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_IV: Final = b""


class Directory:
    """An open directory. Closed ones have the descriptor -1, and their node no longer has them."""

    __slots__ = ("_stamp", "checked", "fd", "is_root", "iv", "node", "readable", "used")

    def __init__(self, node: Node, fd: int, readable: bool, *, has_iv: bool) -> None:
        self.node = node
        self.fd = fd
        self.is_root = node.ino == ROOT
        self.readable = readable
        """False for a directory that may be entered but not listed."""
        self.iv = _NO_IV if has_iv else FIXED_IV
        self.checked = -math.inf if has_iv else math.inf
        """Monotonic time of the last look at the IV; where there is none, it never grows old."""
        self.used = True
        self._stamp: tuple[int, int, int, int] | None = None

    def close(self) -> None:
        """Give the descriptor back. Safe to call twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self.node.directory = None
            os.close(fd)

    def load_iv(self) -> None:
        """Read the IV again if its file changed; raises BadDirIv.

        ESTALE when the directory was removed behind our back: the kernel then looks up what has
        its name by now.
        """
        try:
            status = os.stat(DIR_IV_NAME, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            self.iv = _NO_IV
            if not os.fstat(self.fd).st_nlink:
                raise os_error(errno.ESTALE) from None
            raise BadDirIv("it is missing") from None
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if stamp != self._stamp or not self.iv:
            self.iv = _NO_IV
            self.iv = read_dir_iv(self.fd)
            self._stamp = stamp
        self.checked = time.monotonic()


class OpenDirectories:
    """Opens directories by their nodes, and keeps the most used ones open."""

    def __init__(
        self, inodes: Inodes, root_fd: int, *, capacity: int, has_ivs: bool = False
    ) -> None:
        """`root_fd` stays the caller's."""
        self._inodes = inodes
        self._has_ivs = has_ivs
        self._capacity = capacity
        self._cached: dict[int, Directory] = {}
        """By node number; the first was opened or looked through the longest time ago."""
        fd = os.open(b".", os.O_RDONLY | _OPEN_DIRECTORY, dir_fd=root_fd)
        inodes.root.directory = Directory(inodes.root, fd, True, has_iv=has_ivs)

    def enter(self, node: Node) -> Directory:
        """Return the open directory of `node`; ESTALE when its name leads elsewhere by now.

        It stays open until at least `capacity` other directories were entered.
        """
        directory = node.directory
        if directory is not None:
            directory.used = True
            return directory
        # From the nearest open directory downwards; not by recursion, which a deep tree
        # would exhaust.
        chain = []
        above: Node | None = node
        while above is not None and above.directory is None:
            chain.append(above)
            above = above.parent
        if above is None:
            raise os_error(errno.ESTALE)
        directory = above.directory
        assert directory is not None
        for step in reversed(chain):
            directory = self._open(directory.fd, step)
        return directory

    def _open(self, parent_fd: int, node: Node) -> Directory:
        try:
            fd, readable = open_directory(parent_fd, node.cname)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):  # something else has its name by now
                raise os_error(errno.ESTALE) from None
            raise
        if not node.is_inode_of(os.fstat(fd)):
            os.close(fd)
            raise os_error(errno.ESTALE)
        return self.keep(node, fd, readable)

    def keep(self, node: Node, fd: int, readable: bool = True) -> Directory:
        """Cache `fd`, an open directory, as that of `node`; another one may be closed for it."""
        if node.directory is not None:
            node.directory.close()
        directory = node.directory = Directory(node, fd, readable, has_iv=self._has_ivs)
        cached = self._cached
        if len(cached) >= self._capacity:
            self._evict()
        cached.pop(node.ino, None)
        cached[node.ino] = directory
        return directory

    def _evict(self) -> None:
        """Close the first directory that was not used since the last time round.

        Second chance instead of least recently used: a use costs one assignment.
        """
        cached = self._cached
        while len(cached) >= self._capacity:
            number = next(iter(cached))
            directory = cached.pop(number)
            if directory.fd >= 0 and directory.used:
                directory.used = False
                cached[number] = directory
            else:
                directory.close()

    def close(self) -> None:
        for directory in self._cached.values():
            directory.close()
        self._cached.clear()
        if self._inodes.root.directory is not None:
            self._inodes.root.directory.close()


class Directories(OpenDirectories):
    """Directories of a cipher directory: their IVs, where they have them, and their entries."""

    def __init__(
        self,
        inodes: Inodes,
        cipherdir_fd: int,
        names: EntryNames,
        report: Reporter,
        *,
        capacity: int,
        coherence_s: float,
    ) -> None:
        super().__init__(inodes, cipherdir_fd, capacity=capacity, has_ivs=names.uses_dir_iv)
        self._names = names
        self._report = report
        self._coherence_s = coherence_s

    def with_iv(self, node: Node, *, fresh: bool = False) -> Directory:
        """Return the open directory of `node` with its IV; EIO and a report if that is damaged.

        Without an IV in each directory it is the fixed one. `fresh` looks at the IV's file
        now: for whoever is about to create a name.
        """
        directory = node.directory
        if directory is None:
            directory = self.enter(node)
        else:
            directory.used = True
        if (fresh or time.monotonic() - directory.checked > self._coherence_s) and self._has_ivs:
            try:
                directory.load_iv()
            except BadDirIv as error:
                self._report(
                    ReportKind.CORRUPT_METADATA,
                    self._inodes.path_of(node),
                    f"the IV of this directory cannot be used: {error}",
                )
                raise os_error(errno.EIO) from error
        return directory

    def list(self, directory: Directory) -> tuple[list[tuple[bytes, bytes]], bool]:
        """Return (name, name on disk) of all entries, and whether these are all.

        They are not where storage failed to give out a name. What can't be decrypted is
        reported, unless it is hidden: that was never an entry.
        """
        unreadable = 0

        def bad(cname: bytes, error: BadName) -> None:
            nonlocal unreadable
            unreadable += isinstance(error, UnreadableName)
            self._bad_name(directory.node, cname, error)

        return self._names.list(directory, bad), not unreadable

    def _bad_name(self, node: Node, cname: bytes, error: BadName) -> None:
        if cname.startswith(b"."):
            # What sync clients and desktops keep for themselves: no encrypted name begins so.
            # A partial download comes and goes, and is no alarm each time.
            return
        above = self._inodes.path_of(node)
        shown = f"{above}/{os.fsdecode(cname)}" if above else os.fsdecode(cname)
        self._report(
            ReportKind.CORRUPT_NAME, shown, f"this name cannot be decrypted: {error.reason}"
        )


def open_directory(parent_fd: int, cname: bytes) -> tuple[int, bool]:
    """Return a descriptor of the directory `cname`, and whether it may be listed."""
    try:
        return os.open(cname, os.O_RDONLY | _OPEN_DIRECTORY, dir_fd=parent_fd), True
    except PermissionError:
        # Enough for everything below it that the permissions allow.
        return os.open(cname, os.O_PATH | _OPEN_DIRECTORY, dir_fd=parent_fd), False
