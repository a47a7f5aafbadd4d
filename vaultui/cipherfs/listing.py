"""Listings of directories, with places to go on from that survive changes in between.

A listing is taken whole when it is read from its start; a place in it is an index. So an
entry that stays is shown once, whatever is made and removed meanwhile, and what comes or goes
may or may not be shown: what POSIX asks of readdir.

Where storage failed to give out names, a listing has the others and ends with EIO: programs that
delete what they do not see, as `rsync --delete` does, must not take it for the whole.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from typing import Final

from vaultui.cipherfs.cipherdir import Directories
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.nodeattributes import NodeAttributes
from vaultui.cipherfs.tree import Entry
from vaultui.linux.errnos import os_error

_DOTS: Final = 2
"""Cookies 1 and 2 come after "." and "..", cookie n + 2 after the nth entry."""


class DirHandle:
    """One open of a directory through the mount."""

    __slots__ = ("began", "entries", "is_whole", "node")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.entries: list[tuple[bytes, bytes]] | None = None
        """Names and names on disk, once the listing has begun."""
        self.is_whole = True
        self.began: tuple[int, int, float] | None = None
        """What `Node.listed` becomes at the end of the listing."""


class Listings:
    """Lists directories of the mount."""

    def __init__(self, inodes: Inodes, directories: Directories, attrs: NodeAttributes) -> None:
        self._inodes = inodes
        self._directories = directories
        self._attrs = attrs

    def open(self, node: Node) -> DirHandle:
        """Return a handle for listing `node`; EACCES or EIO where it can't be listed."""
        if not self._directories.with_iv(node).readable:
            raise os_error(errno.EACCES)
        return DirHandle(node)

    def read(self, handle: DirHandle, cookie: int) -> Iterator[Entry]:
        """Yield the entries behind `cookie`, 0 for a listing from the start as it is now.

        The node of an entry is dropped when the iterator goes on or is closed, unless a
        reference was taken by then. "." and ".." hold none and need none. At the end of a
        listing that is not whole EIO is raised.
        """
        node = handle.node
        directory = self._directories.with_iv(node)
        if handle.entries is None or cookie == 0:
            handle.entries, handle.is_whole = self._directories.list(directory)
        if cookie < 1:
            yield Entry(b".", self._attrs.get(node), 1)
        if cookie < _DOTS:
            above = node.parent if node.parent is not None else self._inodes.root
            yield Entry(b"..", self._attrs.get(above), _DOTS)
        entries = handle.entries
        if not handle.is_whole and cookie == len(entries) + _DOTS:
            raise os_error(errno.EIO)
        for index in range(max(cookie - _DOTS, 0), len(entries)):
            name, cname = entries[index]
            if directory.fd < 0:
                directory = self._directories.enter(node)
            try:
                status = os.stat(cname, dir_fd=directory.fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            found = self._inodes.adopt(node, cname, name, status)
            try:
                yield Entry(name, self._attrs.of(found, status), index + _DOTS + 1)
            finally:
                if not found.refs:
                    self._inodes.drop_if_unused(found)
