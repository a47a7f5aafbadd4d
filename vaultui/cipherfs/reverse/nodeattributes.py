"""Attributes and symlink targets of a reverse view: sizes are those of the ciphertext."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from vaultui.cipherfs.attributes import Attributes
from vaultui.cipherfs.cipherdir import OpenDirectories
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.reverse import ivs, virtual
from vaultui.cipherfs.reverse.entries import Entries
from vaultui.cipherfs.reverse.paths import shown_path
from vaultui.cipherfs.symlinks import symlinks_of
from vaultui.cipherfs.volume import Volume
from vaultui.format.blocks import FILE_MAX
from vaultui.linux.errnos import os_error

_TARGET_MAX: Final = 4095
"""The longest target that the kernel takes, in bytes: PATH_MAX counts a NUL."""


class ReverseNodeAttributes:
    """Tells what nodes are like. Open files are reached by descriptor, others by name."""

    def __init__(
        self, inodes: Inodes, directories: OpenDirectories, entries: Entries, volume: Volume
    ) -> None:
        self._inodes = inodes
        self._directories = directories
        self._entries = entries
        self._cipher_size = volume.content.layout.cipher_size
        self._symlinks = symlinks_of(volume)

    def get(self, node: Node) -> Attributes:
        """Return the attributes of `node` as it is now; ENOENT or ESTALE if it is no more."""
        return self.of(node, self._status(node))

    def of(self, node: Node, status: os.stat_result) -> Attributes:
        """Return the attributes for a `status` of `node`."""
        size = status.st_size
        if virtual.is_virtual(node.cname):
            pass
        elif node.kind == stat.S_IFREG:
            # A hole can be so large that its ciphertext has no size any more; it must not keep
            # the whole directory from being listed.
            size = min(self._cipher_size(size), FILE_MAX)
        elif node.kind == stat.S_IFLNK:
            try:
                size = len(self.read_target(node))
            except OSError:  # too long, or gone since: shown with no size, as gocryptfs does
                size = 0
        return Attributes(node.ino, node.generation, size, status)

    def read_target(self, node: Node) -> bytes:
        """Return what the symlink `node` holds; ENAMETOOLONG where no kernel takes it.

        The base64 of a target is a third longer than the target, beside its nonce and tag.
        """
        directory_fd, cname = self.place(node)
        target = os.readlink(cname, dir_fd=directory_fd)
        target = self._symlinks.seal(target, ivs.symlink_nonce(shown_path(node)))
        if len(target) > _TARGET_MAX:
            raise os_error(errno.ENAMETOOLONG)
        return target

    def access(self, node: Node, mask: int) -> bool:
        """Tell whether access(2) with `mask` is granted; a virtual file is there to be read."""
        if virtual.is_virtual(node.cname):
            return not mask & os.X_OK
        directory_fd, cname = self.place(node)
        return os.access(cname, mask, dir_fd=directory_fd, follow_symlinks=False)

    def place(self, node: Node) -> tuple[int, bytes]:
        """Return the descriptor and the name by which a real node is reached; ENOENT if none."""
        if node.parent is not None:
            return self._directories.enter(node.parent).fd, node.cname
        if node is not self._inodes.root:
            raise os_error(errno.ENOENT)
        return self._directories.enter(node).fd, b"."

    def _status(self, node: Node) -> os.stat_result:
        if node.open is not None:
            return os.fstat(node.open.fd)
        if node.directory is not None:
            return os.fstat(node.directory.fd)
        while node.parent is not None:
            try:
                status = self._entries.status(node.parent, node.name, node.cname)
            except FileNotFoundError:
                if not self._inodes.next_name(node):
                    raise
            else:
                if node.is_inode_of(status):
                    return status
                if not self._inodes.next_name(node):
                    raise os_error(errno.ESTALE)
        raise os_error(errno.ENOENT)
