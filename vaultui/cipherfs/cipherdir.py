"""Directories of the cipher directory: cached descriptors and IVs, and names within them.

All work on names is relative to the descriptor of a directory and follows no symlink. A
descriptor stays right through renames of its directory and of all above it. An IV is
checked again by one `stat` when its last check is older than the coherence time, and before
a name is made: a sync client may have replaced it.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import time
from collections.abc import Iterator
from typing import Final

from vaultui.cipherfs.inodes import Inodes, Key, Node
from vaultui.cipherfs.report import Reporter, ReportKind
from vaultui.crypto.filename import BadName, Names, NameTooLong
from vaultui.format.names import (
    CONF_NAME,
    DIR_IV_BYTES,
    DIR_IV_NAME,
    LONG_COMPANION_MAX,
    LONG_PREFIX,
    NAME_SUFFIX,
    companion,
    is_long,
)

_OPEN_DIRECTORY: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_IV: Final = b""


class Directory:
    """An open directory. Closed ones have the descriptor -1, and their node no longer has them."""

    __slots__ = ("_stamp", "checked", "fd", "iv", "node", "readable", "used")

    def __init__(self, node: Node, fd: int, readable: bool) -> None:
        self.node = node
        self.fd = fd
        self.readable = readable
        """False for a directory that may be entered but not listed."""
        self.iv = _NO_IV
        self.checked = -math.inf
        """Monotonic time of the last look at the IV."""
        self.used = True
        self._stamp: tuple[int, int, int, int] | None = None

    def close(self) -> None:
        """Give the descriptor back. Safe to call twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self.node.directory = None
            os.close(fd)

    def load_iv(self) -> None:
        """Read the IV again if its file changed; raises BadDirIv."""
        try:
            status = os.stat(DIR_IV_NAME, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            self.iv = _NO_IV
            raise BadDirIv("it is missing") from None
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if stamp != self._stamp or not self.iv:
            self.iv = _NO_IV
            self.iv = read_dir_iv(self.fd)
            self._stamp = stamp
        self.checked = time.monotonic()


class BadDirIv(Exception):
    """The IV of a directory is missing or damaged: no name in it can be read."""


def read_dir_iv(directory_fd: int) -> bytes:
    """Return the IV of a directory; raises BadDirIv."""
    try:
        data = read_small(directory_fd, DIR_IV_NAME, DIR_IV_BYTES + 1)
    except FileNotFoundError:
        raise BadDirIv("it is missing") from None
    if len(data) != DIR_IV_BYTES:
        raise BadDirIv(f"it has {len(data)} of {DIR_IV_BYTES} bytes")
    if not any(data):
        raise BadDirIv("it is all zeros")
    return data


def read_small(directory_fd: int, name: bytes, limit: int) -> bytes:
    """Return the first `limit` bytes of a small file in a directory."""
    fd = os.open(name, _OPEN_FILE, dir_fd=directory_fd)
    try:
        return os.read(fd, limit)
    finally:
        os.close(fd)


class Directories:
    """Opens directories, keeps the most used ones open, and translates names within them."""

    def __init__(
        self,
        inodes: Inodes,
        cipherdir_fd: int,
        names: Names,
        report: Reporter,
        *,
        long_name_max: int,
        capacity: int,
        coherence_s: float,
    ) -> None:
        self._inodes = inodes
        self._names = names
        self._report = report
        self._long_name_max = long_name_max
        self._capacity = capacity
        self._coherence_s = coherence_s
        self._cached: dict[Key, Directory] = {}
        fd = os.open(b".", os.O_RDONLY | _OPEN_DIRECTORY, dir_fd=cipherdir_fd)
        inodes.root.directory = Directory(inodes.root, fd, readable=True)

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
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        directory = above.directory
        assert directory is not None
        for step in reversed(chain):
            directory = self._open(directory.fd, step)
        return directory

    def with_iv(self, node: Node, *, fresh: bool = False) -> Directory:
        """Return the open directory of `node` with its IV; EIO and a report if that is damaged.

        `fresh` looks at the IV's file now: for whoever is about to create a name.
        """
        directory = node.directory
        if directory is None:
            directory = self.enter(node)
        else:
            directory.used = True
        if fresh or time.monotonic() - directory.checked > self._coherence_s:
            try:
                directory.load_iv()
            except BadDirIv as error:
                self._report(
                    ReportKind.CORRUPT_METADATA,
                    self._inodes.path_of(node),
                    f"the IV of this directory cannot be used: {error}",
                )
                raise OSError(errno.EIO, os.strerror(errno.EIO)) from error
        return directory

    def _open(self, parent_fd: int, node: Node) -> Directory:
        fd, readable = open_directory(parent_fd, node.cname)
        if not node.is_inode_of(os.fstat(fd)):
            os.close(fd)
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return self.keep(node, fd, readable)

    def keep(self, node: Node, fd: int, readable: bool = True) -> Directory:
        """Cache `fd`, an open directory, as that of `node`; another one may be closed for it."""
        if node.directory is not None:
            node.directory.close()
        directory = node.directory = Directory(node, fd, readable)
        cached = self._cached
        if len(cached) >= self._capacity:
            self._evict()
        cached.pop(node.key, None)
        cached[node.key] = directory
        return directory

    def _evict(self) -> None:
        """Close the first directory that was not used since the last time round.

        Second chance instead of least recently used: a use costs one assignment.
        """
        cached = self._cached
        while len(cached) >= self._capacity:
            key = next(iter(cached))
            directory = cached.pop(key)
            if directory.fd >= 0 and directory.used:
                directory.used = False
                cached[key] = directory
            else:
                directory.close()

    def close(self) -> None:
        for directory in self._cached.values():
            directory.close()
        self._cached.clear()
        if self._inodes.root.directory is not None:
            self._inodes.root.directory.close()

    # Names.

    def entry_name(self, directory: Directory, name: bytes) -> bytes:
        """Return the name on disk of the entry `name`: its ciphertext, hashed if that is long."""
        try:
            cname = self._names.encrypt(name, directory.iv)
        except BadName as error:
            raise name_error(error) from None
        if len(cname) > self._long_name_max:
            return self._names.hash_long_name(cname)
        return cname

    def full_name(self, directory: Directory, name: bytes) -> bytes:
        """Return the whole encrypted name, which the companion of a hashed entry holds."""
        return self._names.encrypt(name, directory.iv)

    def list(self, directory: Directory) -> list[tuple[bytes, bytes]]:
        """Return (name, name on disk) of all entries; what can't be decrypted is reported."""
        is_root = directory.node is self._inodes.root
        entries = []
        for text in os.listdir(directory.fd):
            cname = os.fsencode(text)
            if cname == DIR_IV_NAME or (is_root and cname == CONF_NAME):
                continue
            if cname.startswith(LONG_PREFIX) and cname.endswith(NAME_SUFFIX):
                continue
            try:
                entries.append((self.plain_name(directory, cname), cname))
            except BadName as error:
                self._report(
                    ReportKind.CORRUPT_NAME,
                    self._join(directory.node, cname),
                    f"this name cannot be decrypted: {error.reason}",
                )
        return entries

    def plain_name(self, directory: Directory, cname: bytes) -> bytes:
        """Return the plaintext of the name on disk `cname`; raises BadName."""
        full = read_companion(directory.fd, cname, self._names) if is_long(cname) else cname
        return self._names.decrypt(full, directory.iv)

    def _join(self, node: Node, cname: bytes) -> str:
        above = self._inodes.path_of(node)
        return f"{above}/{os.fsdecode(cname)}" if above else os.fsdecode(cname)


def open_directory(parent_fd: int, cname: bytes) -> tuple[int, bool]:
    """Return a descriptor of the directory `cname`, and whether it may be listed."""
    try:
        return os.open(cname, os.O_RDONLY | _OPEN_DIRECTORY, dir_fd=parent_fd), True
    except PermissionError:
        # Enough for everything below it that the permissions allow.
        return os.open(cname, os.O_PATH | _OPEN_DIRECTORY, dir_fd=parent_fd), False


def read_companion(directory_fd: int, hashed: bytes, names: Names) -> bytes:
    """Return the full encrypted name of the hashed entry; raises BadName.

    A companion that belongs to another hash is refused: by it, whoever can write to the
    cipher directory could give a file the name of another.
    """
    try:
        full = read_small(directory_fd, companion(hashed), LONG_COMPANION_MAX + 1)
    except FileNotFoundError:
        raise BadName("its .name file is missing") from None
    except OSError as error:
        raise BadName(f"its .name file cannot be read ({error.strerror})") from None
    if names.hash_long_name(full) != hashed:
        raise BadName("its .name file belongs to another name")
    return full


def name_error(error: BadName) -> OSError:
    """Return the errno for a plain name that no entry can have."""
    number = errno.ENAMETOOLONG if isinstance(error, NameTooLong) else errno.EINVAL
    return OSError(number, os.strerror(number))


def entries_beside_iv(directory_fd: int) -> Iterator[bytes]:
    """Yield the names on disk in a directory, except its IV, one by one."""
    with contextlib.closing(os.scandir(directory_fd)) as entries:
        for entry in entries:
            cname = os.fsencode(entry.name)
            if cname != DIR_IV_NAME:
                yield cname
