"""Entries of directories: made, removed, renamed, linked.

What must be true after each step, because the next may not come:

- A hashed entry has its companion. So the companion is made before the entry and removed after
  it; a crash between leaves a stray companion, which harms nobody and goes with its directory.
- A directory has its IV: it is made, and removed, under a name that nobody sees.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

from vaultui.cipherfs.attributes import Attributes
from vaultui.cipherfs.cipherdir import Directories, Directory
from vaultui.cipherfs.durability import Durability
from vaultui.cipherfs.entrynames import EntryNames
from vaultui.cipherfs.furnishing import make_furnished, remove_furnished, replace_furnished
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.metadata import write_companion
from vaultui.cipherfs.nodeattributes import NodeAttributes
from vaultui.cipherfs.spareivs import SpareIvs
from vaultui.cipherfs.symlinks import Symlinks
from vaultui.cipherfs.wholesyncs import WholeSyncs
from vaultui.format.names import DIR_IV_NAME, companion
from vaultui.linux.atcalls import (
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
    RENAME_WHITEOUT,
    exists,
    rename,
)
from vaultui.linux.credentials import Caller, acting_as, acting_for
from vaultui.linux.errnos import os_error

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NOT_EMPTY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST})
_RENAME_FLAGS: Final = frozenset(
    {0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT, RENAME_NOREPLACE | RENAME_WHITEOUT}
)
_OPENED_BY_THE_KERNEL: Final = frozenset({stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK})
"""Kinds of inodes whose opens are not asked for here."""


class DirOps:
    """Changes directories. The process umask must be 0: modes arrive with it applied.

    What makes an entry makes it, and its companion, as the user `caller` where one is given.
    """

    def __init__(
        self,
        inodes: Inodes,
        directories: Directories,
        names: EntryNames,
        attrs: NodeAttributes,
        symlinks: Symlinks,
        durability: Durability | WholeSyncs,
        spare_ivs: SpareIvs,
    ) -> None:
        self._inodes = inodes
        self._directories = directories
        self._names = names
        self._attrs = attrs
        self._symlinks = symlinks
        self._durability = durability
        self._spare_ivs = spare_ivs

    # Making.

    def create(
        self, parent: Node, name: bytes, mode: int, caller: Caller | None
    ) -> tuple[Node, int, Attributes]:
        """Make an empty file; return its node, a descriptor open for both, and attributes."""
        with self._new_entry(parent, name, caller) as (directory, cname):
            if caller is None:
                fd = os.open(cname, _NEW, mode & 0o7777, dir_fd=directory.fd)
            else:
                with acting_as(caller):
                    fd = os.open(cname, _NEW, mode & 0o7777, dir_fd=directory.fd)
        status = os.fstat(fd)
        node = self._inodes.adopt(parent, cname, name, status)
        return node, fd, self._attrs.of(node, status)

    def mknod(
        self, parent: Node, name: bytes, mode: int, rdev: int, caller: Caller | None
    ) -> Attributes:
        with self._new_entry(parent, name, caller) as (directory, cname), acting_for(caller):
            os.mknod(cname, mode, rdev, dir_fd=directory.fd)
        return self._made(parent, cname, name)

    def symlink(
        self, parent: Node, name: bytes, target: bytes, caller: Caller | None
    ) -> Attributes:
        """Make a symlink; ENAMETOOLONG when the sealed target is longer than a path may be."""
        with self._new_entry(parent, name, caller) as (directory, cname), acting_for(caller):
            os.symlink(self._symlinks.seal(target), cname, dir_fd=directory.fd)
        return self._made(parent, cname, name)

    def link(self, node: Node, parent: Node, name: bytes, caller: Caller | None) -> Attributes:
        if node.parent is None:
            raise os_error(errno.ENOENT)
        self._attrs.stat(node)  # makes sure that the name still leads to this inode
        with self._new_entry(parent, name, caller) as (directory, cname):
            source = self._directories.enter(node.parent)
            # Not as the caller: it was asked above whether the caller may, and below the file
            # is the same.
            os.link(
                node.cname,
                cname,
                src_dir_fd=source.fd,
                dst_dir_fd=directory.fd,
                follow_symlinks=False,
            )
        return self._made(parent, cname, name)

    def mkdir(self, parent: Node, name: bytes, mode: int, caller: Caller | None) -> Attributes:
        """Make a directory, with its IV if directories have one."""
        mode &= 0o7777
        with self._new_entry(parent, name, caller) as (directory, cname):
            if self._names.uses_dir_iv:
                made = make_furnished(directory.fd, cname, mode, caller, self._spare_ivs)
            else:
                with acting_for(caller):
                    os.mkdir(cname, mode, dir_fd=directory.fd)
        if not self._names.uses_dir_iv:
            return self._made(parent, cname, name)
        node = self._inodes.adopt(parent, cname, name, made.status)
        if made.status.st_mode & stat.S_IRWXU == stat.S_IRWXU:
            self._directories.keep(node, made.fd)
        else:
            os.close(made.fd)  # opened with rights that its owner does not have
        self._durability.wrote(node, DIR_IV_NAME, content_synced=made.iv_on_disk)
        return self._attrs.of(node, made.status)

    def _made(self, parent: Node, cname: bytes, name: bytes) -> Attributes:
        directory = self._directories.enter(parent)
        status = os.stat(cname, dir_fd=directory.fd, follow_symlinks=False)
        node = self._inodes.adopt(parent, cname, name, status)
        return self._attrs.of(node, status)

    @contextlib.contextmanager
    def _new_entry(
        self, parent: Node, name: bytes, caller: Caller | None
    ) -> Iterator[tuple[Directory, bytes]]:
        """Name the entry on disk, with its companion if it needs one, which goes if this fails."""
        directory = self._directories.with_iv(parent, fresh=True)
        cname = self._names.on_disk(directory, name)
        if not self._names.has_companion(cname):
            yield directory, cname
            return
        full = self._names.full(directory, name)
        with acting_for(caller):
            is_new = write_companion(directory.fd, cname, full)
        if is_new:
            self._durability.wrote(directory.node, companion(cname))
        try:
            yield directory, cname
        except BaseException:
            if is_new:
                self._drop(directory, companion(cname))
            raise

    def _drop(self, directory: Directory, beside: bytes) -> None:
        self._durability.removed(directory.node, beside)
        # Without its companion an entry is lost, with a stray one nothing is.
        with contextlib.suppress(OSError):
            os.unlink(beside, dir_fd=directory.fd)

    # Removing.

    def unlink(self, parent: Node, name: bytes) -> None:
        directory = self._directories.with_iv(parent)
        cname = self._names.on_disk(directory, name)
        assert parent.children is not None
        node = parent.children.get(cname)
        if node is not None and node.kind in _OPENED_BY_THE_KERNEL:
            self._unlink_special(node, directory, cname)
        else:
            os.unlink(cname, dir_fd=directory.fd)
        if beside := self._names.companion_left_by(directory, cname):
            self._drop(directory, beside)
        self._inodes.removed(parent, cname)

    @staticmethod
    def _unlink_special(node: Node, directory: Directory, cname: bytes) -> None:
        """Unlink a FIFO or its like, and keep what can be told of it: it may be open."""
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(cname, flags, dir_fd=directory.fd)
        try:
            os.unlink(cname, dir_fd=directory.fd)
            status = os.fstat(fd)
            if node.is_inode_of(status):
                node.last_status = status
        finally:
            os.close(fd)

    def rmdir(self, parent: Node, name: bytes) -> None:
        """Remove an empty directory and its IV; ENOTEMPTY, with nothing changed, if it is not."""
        directory = self._directories.with_iv(parent)
        cname = self._names.on_disk(directory, name)
        try:
            os.rmdir(cname, dir_fd=directory.fd)
        except OSError as error:
            if not self._may_be_empty(error):
                raise
            remove_furnished(directory.fd, cname, has_iv=self._names.uses_dir_iv)
        if beside := self._names.companion_left_by(directory, cname):
            self._drop(directory, beside)
        self._removed_directory(parent, cname)

    def _may_be_empty(self, error: OSError) -> bool:
        """Tell whether the failure may be due to what nobody sees in a directory."""
        return error.errno in _NOT_EMPTY and not self._names.are_plain

    def _removed_directory(self, parent: Node, cname: bytes) -> None:
        assert parent.children is not None
        node = parent.children.get(cname)
        if node is not None:
            self._durability.forget(node)
        self._inodes.removed(parent, cname)

    # Renaming.

    def rename(
        self, old_parent: Node, old_name: bytes, parent: Node, name: bytes, flags: int
    ) -> None:
        """Rename; EINVAL for `flags` that renameat2(2) does not have, or not together."""
        if flags not in _RENAME_FLAGS:
            raise os_error(errno.EINVAL)
        old_directory = self._directories.with_iv(old_parent, fresh=True)
        directory = self._directories.with_iv(parent, fresh=True)
        old = self._names.on_disk(old_directory, old_name)
        new = self._names.on_disk(directory, name)
        if flags == RENAME_EXCHANGE:
            self._durability.before_rename(old_parent, old)
            self._durability.before_rename(parent, new)
            rename(old_directory.fd, old, directory.fd, new, flags)
            self._inodes.exchange(old_parent, old, old_name, parent, new, name)
            return
        assert old_parent.children is not None
        assert parent.children is not None
        node = old_parent.children.get(old)
        other = parent.children.get(new)
        if old == new and old_parent is parent:
            os.stat(old, dir_fd=directory.fd, follow_symlinks=False)  # ENOENT is due
            return
        if node is not None and other is not None and node.key == other.key and not flags:
            return  # two names of one inode: rename(2) leaves both

        with self._new_entry(parent, name, None):
            self._durability.before_rename(parent, new)
            try:
                rename(old_directory.fd, old, directory.fd, new, flags)
            except OSError as error:
                if flags & RENAME_NOREPLACE or not self._may_be_empty(error):
                    raise
                places = (old_directory.fd, old, directory.fd, new)
                replace_furnished(*places, flags, has_iv=self._names.uses_dir_iv)
        beside = self._names.companion_left_by(old_directory, old)
        if beside is not None and not exists(old_directory.fd, old):
            # Where the disk refuses, the companion stays: a stray one does no harm.
            with contextlib.suppress(OSError):
                self._durability.after_rename(parent)
                self._drop(old_directory, beside)
        self._removed_directory(parent, new)
        if node is not None:
            self._inodes.move(node, old_parent, old, parent, new, name)
