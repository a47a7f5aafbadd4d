"""Nodes: what the kernel knows by number, and where each of them lies in the cipher directory.

A node stands for one backing inode, found by its device and inode number. It holds no
descriptor, only the directory and the name under which it was last seen: a descriptor for
each cached inode would run into the limit of open files, and a name is as cheap, since
lookups are relative to the descriptor of a cached directory. Renames and unlinks that go
through us move the name along. One that happened behind our back shows when the name leads
to another inode, and is answered with ESTALE, upon which the kernel looks the path up again.

The kernel holds references: one for each answered lookup, given back by forget. A node goes
when it has none, no open file, no children and nothing that waits to be synced.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from vaultui.linux.errnos import os_error
from vaultui.model.ids import InodeNo

if TYPE_CHECKING:
    from vaultui.cipherfs.cipherdir import Directory
    from vaultui.cipherfs.openfiles import OpenFile

ROOT: Final = InodeNo(1)

Key = tuple[int, int]
"""Device and inode number of a backing inode."""

_TYPE_MASK: Final = 0o170000
_INO_BITS: Final = 48
_DEVICES: Final = 1 << 15
_OWN_NUMBERS: Final = 1 << 63
"""Where numbers start that no backing inode suggested."""


class FreshFile:
    """An IV or a companion that was made and not synced. One of the same name is another one."""

    __slots__ = ("content_synced",)

    def __init__(self, *, content_synced: bool) -> None:
        self.content_synced = content_synced


class Node:
    """One inode. `cname` is the entry's name on disk, `name` its plaintext."""

    __slots__ = (
        "aliases",
        "children",
        "cname",
        "directory",
        "generation",
        "gone",
        "ino",
        "key",
        "kind",
        "last_status",
        "listed",
        "name",
        "nlink",
        "open",
        "parent",
        "refs",
        "set_id",
        "shown_size",
        "stamp",
        "unsynced",
    )

    def __init__(self, ino: InodeNo, generation: int, key: Key, status: os.stat_result) -> None:
        self.ino = ino
        self.generation = generation
        self.key = key
        self.kind = status.st_mode & _TYPE_MASK
        self.nlink = status.st_nlink
        self.refs = 0
        self.parent: Node | None = None
        """None for the root, and where no name is known any more."""
        self.cname = b""
        self.name = b""
        self.aliases: list[tuple[Node, bytes, bytes]] | None = None
        """Further names (parent, cname, name) of a file with hard links."""
        self.children: dict[bytes, Node] | None = {} if self.kind == stat.S_IFDIR else None
        """Of a directory: the known nodes by their names on disk."""
        self.directory: Directory | None = None
        """Of a directory: its descriptor and IV, while cached."""
        self.open: OpenFile | None = None
        self.last_status: os.stat_result | None = None
        """Of a FIFO and its like, once unlinked: nothing else is left that could be asked."""
        self.gone = False
        """Set by the removal of the last link: the backing inode number may be reused."""
        self.set_id = False
        """Whether the kernel believes that the file is set-uid or set-gid."""
        self.shown_size = 0
        """Of a file: the size in bytes that the kernel believes, from what we answered and from
        what it wrote since."""
        self.stamp: tuple[int, int, int] | None = None
        """Size, mtime and ctime of the backing file that the kernel's page cache reflects."""
        self.listed: tuple[int, int, float] | None = None
        """Of a directory: mtime and ctime of the backing one, and the monotonic time, when a
        listing began that the kernel has got to its end and may keep. Set by the compiled hot
        path alone."""
        self.unsynced: dict[bytes, FreshFile] | None = None
        """Of a directory: files in it, IV or companions, whose names are not yet known to be on
        disk, and whether their content is."""

    @property
    def is_directory(self) -> bool:
        return self.children is not None

    def is_inode_of(self, status: os.stat_result) -> bool:
        """Tell whether `status` is that of this inode.

        Numbers of removed inodes are used again, so the type must be the same too.
        """
        return (status.st_dev, status.st_ino) == self.key and (
            status.st_mode & _TYPE_MASK == self.kind
        )

    def __repr__(self) -> str:
        return f"<Node {self.ino} of {self.key}, {self.refs} references>"


class Inodes:
    """All nodes of one mount."""

    def __init__(
        self, root_status: os.stat_result, ranges: Mapping[int, int] = MappingProxyType({})
    ) -> None:
        """`ranges` says which range of numbers devices get; others take one as they are met."""
        key = (root_status.st_dev, root_status.st_ino)
        self.root = Node(ROOT, 1, key, root_status)
        self.root.refs = 1  # the kernel's own, never given back
        self._by_ino: dict[int, Node] = {ROOT: self.root}
        self._by_key: dict[Key, Node] = {key: self.root}
        # Moves on for every node, so that a number that is used again never comes with the
        # generation that it had before.
        self._generation = 1
        self._devices = {root_status.st_dev: 0, **ranges}
        self._next_own = _OWN_NUMBERS

    def __len__(self) -> int:
        return len(self._by_ino)

    def tables(self) -> tuple[dict[int, Node], dict[Key, Node], dict[int, int]]:
        """Return what a compiled hot path finds nodes in: by number, by key, and the devices."""
        return self._by_ino, self._by_key, self._devices

    def get(self, ino: InodeNo) -> Node:
        """Return the node with this number; ESTALE if there is none."""
        try:
            return self._by_ino[ino]
        except KeyError:
            raise os_error(errno.ESTALE) from None

    def directory(self, ino: InodeNo) -> Node:
        """Return the node with this number, which must be a directory."""
        node = self.get(ino)
        if node.children is None:
            raise os_error(errno.ENOTDIR)
        return node

    def adopt(self, parent: Node, cname: bytes, name: bytes, status: os.stat_result) -> Node:
        """Return the node for what was just found as `cname` in `parent`."""
        key = (status.st_dev, status.st_ino)
        node = self._by_key.get(key)
        if node is None:
            node = self._new(key, status)
        elif node.gone or node.kind != status.st_mode & _TYPE_MASK:
            self._reuse(node, status)
        node.nlink = status.st_nlink
        children = parent.children
        assert children is not None
        if children.get(cname) is not node:
            if node.parent is not None and node.children is None and status.st_nlink == 1:
                # The one name that it has is not the one that we know. Renamed behind our back,
                # or a new file with the number of one that a sync client replaced: the kernel
                # may still lead the old name to this number, and must not write one file into
                # the other. It can't be told apart, and being taken for new costs a lookup.
                self._reuse(node, status)
            self._give_name(node, parent, cname, name)
        return node

    def _give_name(self, node: Node, parent: Node, cname: bytes, name: bytes) -> None:
        self.remove_name(parent, cname)
        assert parent.children is not None
        parent.children[cname] = node
        if node.parent is not None and node.children is None:
            if node.aliases is None:
                node.aliases = []
            node.aliases.append((node.parent, node.cname, node.name))
        elif node.parent is not None:
            # A directory has one name: it was moved behind our back.
            self._forget_child(node.parent, node.cname, node)
        node.parent = parent
        node.cname = cname
        node.name = name

    def remove_name(self, parent: Node, cname: bytes) -> Node | None:
        """Note that `cname` is no longer in `parent`; return the node that had this name."""
        assert parent.children is not None
        node = parent.children.pop(cname, None)
        if node is None:
            return None
        if node.aliases:
            rest = [a for a in node.aliases if not (a[0] is parent and a[1] == cname)]
            if node.parent is parent and node.cname == cname:
                node.parent, node.cname, node.name = rest.pop()
            node.aliases = rest or None
        else:
            node.parent = None
        return node

    def move(
        self, node: Node, old_parent: Node, old: bytes, parent: Node, cname: bytes, name: bytes
    ) -> None:
        """Note that `node` was renamed from `old` to `cname`, replacing what was there."""
        self.remove_name(old_parent, old)
        self._give_name(node, parent, cname, name)
        self.drop_if_unused(old_parent)

    def exchange(
        self, first: Node, cname: bytes, name: bytes, second: Node, other: bytes, other_name: bytes
    ) -> None:
        """Note that two entries changed places."""
        one = self.remove_name(first, cname)
        two = self.remove_name(second, other)
        if one is not None:
            self._give_name(one, second, other, other_name)
        if two is not None:
            self._give_name(two, first, cname, name)
        self.drop_if_unused(first)
        self.drop_if_unused(second)

    def removed(self, parent: Node, cname: bytes) -> None:
        """Note that the entry `cname` was unlinked, removed or replaced through us."""
        node = self.remove_name(parent, cname)
        if node is not None:
            node.nlink -= 1
            # A directory counts its own "." too, and has no second name.
            if node.parent is None and (node.nlink <= 0 or node.children is not None):
                node.gone = True
            self.drop_if_unused(node)

    def next_name(self, node: Node) -> bool:
        """Put the next alias in the place of a name that led nowhere; False if there is none."""
        if not node.aliases:
            return False
        assert node.parent is not None
        self._forget_child(node.parent, node.cname, node)
        node.parent, node.cname, node.name = node.aliases.pop()
        return True

    def forget(self, ino: InodeNo, count: int) -> None:
        """Give back `count` references of the kernel; an unknown number is ignored."""
        node = self._by_ino.get(ino)
        if node is not None and node is not self.root:
            node.refs -= count
            if node.refs <= 0:
                node.refs = 0
                self.drop_if_unused(node)

    def drop_if_unused(self, node: Node) -> None:
        """Remove `node`, and then its directories, as far as nothing needs them."""
        while not (node.refs or node.children or node.open or node.unsynced):
            if self._by_ino.get(node.ino) is not node:
                return
            del self._by_ino[node.ino]
            self._by_key.pop(node.key, None)
            if node.directory is not None:
                node.directory.close()
            if node.aliases:
                for parent, cname, _name in node.aliases:
                    self._forget_child(parent, cname, node)
                    self.drop_if_unused(parent)
            above = node.parent
            if above is None:
                return
            self._forget_child(above, node.cname, node)
            node = above

    def path_of(self, node: Node) -> str:
        """Return the plaintext path as last known, without a leading slash; "" for the root."""
        parts = []
        while node is not self.root:
            parts.append(node.name)
            if node.parent is None:
                break
            node = node.parent
        return os.fsdecode(b"/".join(reversed(parts)))

    def _forget_names(self, node: Node) -> None:
        names = node.aliases or []
        if node.parent is not None:
            names = [*names, (node.parent, node.cname, node.name)]
        node.parent = node.aliases = None
        for parent, cname, _name in names:
            self._forget_child(parent, cname, node)
            self.drop_if_unused(parent)

    @staticmethod
    def _forget_child(parent: Node, cname: bytes, node: Node) -> None:
        # A directory that was replaced by a file of the same number has none any more.
        if parent.children is not None and parent.children.get(cname) is node:
            del parent.children[cname]

    def _new(self, key: Key, status: os.stat_result) -> Node:
        self._generation += 1
        node = Node(self._number(key), self._generation, key, status)
        self._by_ino[node.ino] = node
        self._by_key[key] = node
        return node

    def _reuse(self, node: Node, status: os.stat_result) -> None:
        """Let `node` stand for a new inode with an old number.

        The kernel may still hold references to the old one, and gives them back by the number
        alone: they stay counted. The new generation tells it that these are two.
        """
        if node.open is not None:
            # Our descriptor keeps the inode: nothing was reused, the file has a link again.
            node.gone = False
            return
        self._generation += 1
        node.generation = self._generation
        self._forget_names(node)
        node.kind = status.st_mode & _TYPE_MASK
        node.children = {} if node.kind == stat.S_IFDIR else None
        node.gone = False
        node.last_status = None
        node.stamp = None
        node.listed = None
        node.unsynced = None
        if node.directory is not None:
            node.directory.close()

    def _number(self, key: Key) -> InodeNo:
        """Return a free number: that of the backing inode where possible."""
        number = self.backing_number(key)
        if number is None or number in self._by_ino:
            self._next_own += 1
            return InodeNo(self._next_own)
        return number

    def backing_number(self, key: Key) -> InodeNo | None:
        """Return the number of a backing inode as the mount shows it; None for one that can't be.

        Numbers of other devices get the device's own range, so that `ls -i` stays stable.
        """
        device, backing = key
        index = self._devices.setdefault(device, len(self._devices))
        number = index << _INO_BITS | backing
        if backing >> _INO_BITS or index >= _DEVICES or number <= ROOT:
            return None
        return InodeNo(number)
