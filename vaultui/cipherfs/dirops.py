"""Entries of directories: made, removed, renamed, linked.

What must be true after each step, because the next may not come:

- A hashed entry has its companion. So the companion is made before the entry and removed after
  it; a crash between leaves a stray companion, which harms nobody and goes with its directory.
- A directory has its IV. It gets it before anything else happens in it; and where it has to
  be without, to be removed, the IV waits beside it in the parent and comes back on failure.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from typing import Final

from vaultui.cipherfs.attributes import Attributes
from vaultui.cipherfs.attrs import Attrs, SymlinkCodec
from vaultui.cipherfs.cipherdir import (
    Directories,
    Directory,
    entries_beside_iv,
    open_directory,
    read_small,
)
from vaultui.cipherfs.durability import Durability
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.format.names import (
    DIR_IV_BYTES,
    DIR_IV_NAME,
    LONG_COMPANION_MAX,
    companion,
    is_companion,
    is_long,
)
from vaultui.linux.atcalls import RENAME_EXCHANGE, RENAME_NOREPLACE, renameat2

REMOVED_IV_PREFIX: Final = DIR_IV_NAME + b".rmdir."
"""Where an IV waits in the parent while its directory is removed; as gocryptfs names it."""

_NEW: Final = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_METADATA_MODE: Final = 0o444
_OWNER_ALL: Final = 0o700
_NOT_EMPTY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST})


class DirOps:
    """Changes directories. The process umask must be 0: modes arrive with it applied."""

    def __init__(
        self,
        inodes: Inodes,
        directories: Directories,
        attrs: Attrs,
        symlinks: SymlinkCodec,
        durability: Durability,
    ) -> None:
        self._inodes = inodes
        self._directories = directories
        self._attrs = attrs
        self._symlinks = symlinks
        self._durability = durability

    # Making.

    def create(self, parent: Node, name: bytes, mode: int) -> tuple[Node, int, Attributes]:
        """Make an empty file; return its node, a descriptor open for both, and attributes."""
        with self._new_entry(parent, name) as (directory, cname):
            fd = os.open(cname, os.O_RDWR | _NEW, mode & 0o7777, dir_fd=directory.fd)
        status = os.fstat(fd)
        node = self._inodes.adopt(parent, cname, name, status)
        return node, fd, self._attrs.of(node, status)

    def mknod(self, parent: Node, name: bytes, mode: int, rdev: int) -> Attributes:
        with self._new_entry(parent, name) as (directory, cname):
            os.mknod(cname, mode, rdev, dir_fd=directory.fd)
        return self._made(parent, cname, name)

    def symlink(self, parent: Node, name: bytes, target: bytes) -> Attributes:
        """Make a symlink; ENAMETOOLONG when the sealed target is longer than a path may be."""
        with self._new_entry(parent, name) as (directory, cname):
            os.symlink(self._symlinks.seal(target), cname, dir_fd=directory.fd)
        return self._made(parent, cname, name)

    def link(self, node: Node, parent: Node, name: bytes) -> Attributes:
        if node.parent is None:
            raise _error(errno.ENOENT)
        self._attrs.stat(node)  # makes sure that the name still leads to this inode
        with self._new_entry(parent, name) as (directory, cname):
            source = self._directories.enter(node.parent)
            os.link(
                node.cname,
                cname,
                src_dir_fd=source.fd,
                dst_dir_fd=directory.fd,
                follow_symlinks=False,
            )
        return self._made(parent, cname, name)

    def mkdir(self, parent: Node, name: bytes, mode: int) -> Attributes:
        """Make a directory with its IV.

        The owner needs all permissions until the IV is in it; then it gets the mode it is
        to have. A directory that inherits the set-group-ID bit keeps it.
        """
        mode &= 0o7777
        with self._new_entry(parent, name) as (directory, cname):
            os.mkdir(cname, mode | _OWNER_ALL, dir_fd=directory.fd)
            try:
                fd, _readable = open_directory(directory.fd, cname)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.rmdir(cname, dir_fd=directory.fd)
                raise
            try:
                status = self._furnish(fd, mode)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(DIR_IV_NAME, dir_fd=fd)
                os.close(fd)
                with contextlib.suppress(OSError):
                    os.rmdir(cname, dir_fd=directory.fd)
                raise
        node = self._inodes.adopt(parent, cname, name, status)
        self._directories.keep(node, fd)
        self._durability.wrote(node, DIR_IV_NAME)
        return self._attrs.of(node, status)

    def _furnish(self, fd: int, mode: int) -> os.stat_result:
        """Give a new directory its IV and its mode."""
        iv = os.urandom(DIR_IV_BYTES)
        while not any(iv):
            iv = os.urandom(DIR_IV_BYTES)
        self._write_new(fd, DIR_IV_NAME, iv)
        status = os.fstat(fd)
        wanted = mode | status.st_mode & stat.S_ISGID
        if stat.S_IMODE(status.st_mode) != wanted:
            os.fchmod(fd, wanted)
            status = os.fstat(fd)
        return status

    def _write_new(self, directory_fd: int, name: bytes, data: bytes) -> None:
        fd = os.open(name, os.O_WRONLY | _NEW, _METADATA_MODE, dir_fd=directory_fd)
        try:
            if os.write(fd, data) != len(data):
                raise _error(errno.ENOSPC)
            self._durability.start(fd)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=directory_fd)
            raise
        finally:
            os.close(fd)

    def _made(self, parent: Node, cname: bytes, name: bytes) -> Attributes:
        directory = self._directories.enter(parent)
        status = os.stat(cname, dir_fd=directory.fd, follow_symlinks=False)
        node = self._inodes.adopt(parent, cname, name, status)
        return self._attrs.of(node, status)

    @contextlib.contextmanager
    def _new_entry(self, parent: Node, name: bytes) -> Iterator[tuple[Directory, bytes]]:
        """Name the entry on disk, with its companion if it needs one, which goes if this fails."""
        directory = self._directories.with_iv(parent, fresh=True)
        cname = self._directories.entry_name(directory, name)
        if not is_long(cname):
            yield directory, cname
            return
        is_new = self._put_companion(directory, cname, name)
        try:
            yield directory, cname
        except BaseException:
            if is_new:
                self._drop_companion(directory, cname)
            raise

    def _put_companion(self, directory: Directory, hashed: bytes, name: bytes) -> bool:
        """Make sure of the companion of a hashed entry; return whether it is new."""
        full = self._directories.full_name(directory, name)
        beside = companion(hashed)
        try:
            self._write_new(directory.fd, beside, full)
        except FileExistsError:
            if read_small(directory.fd, beside, LONG_COMPANION_MAX + 1) == full:
                return False
            # Left by a crash in the middle of writing it: nothing can have had this name.
            os.unlink(beside, dir_fd=directory.fd)
            self._write_new(directory.fd, beside, full)
        self._durability.wrote(directory.node, beside)
        return True

    def _drop_companion(self, directory: Directory, hashed: bytes) -> None:
        # Without its companion an entry is lost, with a stray one nothing is.
        with contextlib.suppress(OSError):
            os.unlink(companion(hashed), dir_fd=directory.fd)
        self._durability.removed(directory.node, companion(hashed))

    # Removing.

    def unlink(self, parent: Node, name: bytes) -> None:
        directory = self._directories.with_iv(parent)
        cname = self._directories.entry_name(directory, name)
        os.unlink(cname, dir_fd=directory.fd)
        if is_long(cname):
            self._drop_companion(directory, cname)
        self._inodes.removed(parent, cname)

    def rmdir(self, parent: Node, name: bytes) -> None:
        """Remove an empty directory and its IV; ENOTEMPTY, with nothing changed, if it is not."""
        directory = self._directories.with_iv(parent)
        cname = self._directories.entry_name(directory, name)
        with self._emptied(directory.fd, cname):
            os.rmdir(cname, dir_fd=directory.fd)
        if is_long(cname):
            self._drop_companion(directory, cname)
        self._removed_directory(parent, cname)

    def _removed_directory(self, parent: Node, cname: bytes) -> None:
        assert parent.children is not None
        node = parent.children.get(cname)
        if node is not None:
            self._durability.forget(node)
        self._inodes.removed(parent, cname)

    @contextlib.contextmanager
    def _emptied(self, parent_fd: int, cname: bytes) -> Iterator[None]:
        """Take the IV out of an otherwise empty directory; put it back if what follows fails."""
        fd, restore_mode = self._open_to_empty(parent_fd, cname)
        waiting = REMOVED_IV_PREFIX + b"%d" % secrets.randbits(64)
        moved = False
        try:
            self._clear_debris(fd)
            with contextlib.suppress(FileNotFoundError):  # never had one, and is empty
                os.rename(DIR_IV_NAME, waiting, src_dir_fd=fd, dst_dir_fd=parent_fd)
                moved = True
            yield
        except BaseException:
            if moved:
                os.rename(waiting, DIR_IV_NAME, src_dir_fd=parent_fd, dst_dir_fd=fd)
            if restore_mode is not None:
                with contextlib.suppress(OSError):
                    os.fchmod(fd, restore_mode)
            raise
        finally:
            os.close(fd)
        if moved:
            os.unlink(waiting, dir_fd=parent_fd)

    @staticmethod
    def _open_to_empty(parent_fd: int, cname: bytes) -> tuple[int, int | None]:
        """Return a descriptor for listing, and the mode to go back to if it had to change."""
        flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        path_fd = -1
        try:
            fd = os.open(cname, os.O_RDONLY | flags, dir_fd=parent_fd)
        except PermissionError:
            path_fd = os.open(cname, os.O_PATH | flags, dir_fd=parent_fd)
        if path_fd < 0:
            mode = stat.S_IMODE(os.fstat(fd).st_mode)
            if mode & _OWNER_ALL == _OWNER_ALL:
                return fd, None
            try:
                os.fchmod(fd, mode | _OWNER_ALL)
            except BaseException:
                os.close(fd)
                raise
            return fd, mode
        try:
            mode = stat.S_IMODE(os.fstat(path_fd).st_mode)
            path = f"/proc/self/fd/{path_fd}"
            os.chmod(path, mode | _OWNER_ALL)
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), mode
        finally:
            os.close(path_fd)

    @staticmethod
    def _clear_debris(fd: int) -> None:
        """Raise ENOTEMPTY if the directory has entries; else remove what crashes left in it.

        Stray companions and IVs of removed directories are in nobody's listing, and
        must not make a directory that looks empty impossible to remove.
        """
        debris = []
        for cname in entries_beside_iv(fd):
            if not (is_companion(cname) or cname.startswith(REMOVED_IV_PREFIX)):
                raise _error(errno.ENOTEMPTY)
            debris.append(cname)
        for cname in debris:
            os.unlink(cname, dir_fd=fd)

    # Renaming.

    def rename(
        self, old_parent: Node, old_name: bytes, parent: Node, name: bytes, flags: int
    ) -> None:
        """Rename; `flags` may be RENAME_NOREPLACE or RENAME_EXCHANGE, else EINVAL."""
        if flags not in (0, RENAME_NOREPLACE, RENAME_EXCHANGE):
            raise _error(errno.EINVAL)
        old_directory = self._directories.with_iv(old_parent, fresh=True)
        directory = self._directories.with_iv(parent, fresh=True)
        old = self._directories.entry_name(old_directory, old_name)
        new = self._directories.entry_name(directory, name)
        if flags == RENAME_EXCHANGE:
            renameat2(old_directory.fd, old, directory.fd, new, flags)
            self._inodes.exchange(old_parent, old, old_name, parent, new, name)
            return
        assert old_parent.children is not None
        assert parent.children is not None
        node = old_parent.children.get(old)
        if old == new and old_parent is parent:
            os.stat(old, dir_fd=directory.fd, follow_symlinks=False)  # ENOENT is due
            return
        if node is not None and parent.children.get(new) is node and not flags:
            return  # two names of one inode: rename(2) leaves both
        with self._new_entry(parent, name):
            if flags:
                renameat2(old_directory.fd, old, directory.fd, new, flags)
            else:
                self._replace(old_directory.fd, old, directory.fd, new)
        if is_long(old) and not _exists(old_directory.fd, old):
            self._drop_companion(old_directory, old)
        self._removed_directory(parent, new)
        if node is not None:
            self._inodes.move(node, old_parent, old, parent, new, name)

    def _replace(self, old_fd: int, old: bytes, fd: int, new: bytes) -> None:
        try:
            os.rename(old, new, src_dir_fd=old_fd, dst_dir_fd=fd)
        except OSError as error:
            if error.errno not in _NOT_EMPTY:
                raise
            # An empty directory in the way is one with an IV. It is emptied but not removed,
            # so that at each moment the name leads to the old one or to the new one.
            with self._emptied(fd, new):
                os.rename(old, new, src_dir_fd=old_fd, dst_dir_fd=fd)


def _exists(directory_fd: int, cname: bytes) -> bool:
    """Tell whether the entry is there: renaming one name of an inode to another leaves both."""
    try:
        os.stat(cname, dir_fd=directory_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
