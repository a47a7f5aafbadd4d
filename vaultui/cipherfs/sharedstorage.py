"""The forward file system on storage that others change at the same time, as over a network.

Nothing is believed without looking again, and each directory entry is a node of its own.
"""

from __future__ import annotations

import os
from typing import Any

from vaultui.cipherfs.attributes import Attributes
from vaultui.cipherfs.filesystem import FileSystem
from vaultui.cipherfs.inodes import ROOT, Inodes, Node
from vaultui.cipherfs.volume import Volume
from vaultui.model.ids import InodeNo


class EntryInodes(Inodes):
    """All nodes of a mount, one for each entry.

    What one client removes another may have made anew under the same inode number, and a
    network file system may show both for a while: nothing that was believed of the one may be
    told of the other. So hard links are files of their own to the kernel; what they share lies
    on the disk.
    """

    def adopt(self, parent: Node, cname: bytes, name: bytes, status: os.stat_result) -> Node:
        """Return the node of the entry `cname` in `parent`, which was just found there."""
        assert parent.children is not None
        node = parent.children.get(cname)
        if node is None or node.gone or not node.is_inode_of(status):
            node = self._new((status.st_dev, status.st_ino), status)
            self._give_name(node, parent, cname, name)
        node.nlink = status.st_nlink
        return node


class SharedFileSystem(FileSystem):
    """One volume as a tree of entries."""

    _new_inodes = EntryInodes

    def __init__(self, cipherdir_fd: int, volume: Volume, **options: Any) -> None:
        """`options` as of FileSystem; `coherence_s` is 0, whatever they say."""
        super().__init__(cipherdir_fd, volume, **{**options, "coherence_s": 0.0})

    def getattr(self, ino: InodeNo) -> Attributes:
        """Return the attributes of `ino`, with the number that all names of a file share.

        Programs know hard links by it: mv would take one for another file. The kernel asks
        for it whenever somebody wants to see it, since it believes nothing for longer.
        """
        attributes = super().getattr(ino)
        if ino != ROOT:
            status = attributes.stat
            number = self._inodes.backing_number((status.st_dev, status.st_ino))
            attributes.ino = number or ino
        return attributes
