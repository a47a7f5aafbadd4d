"""A plain directory as the tree of a volume, which can be read and not be changed.

It has the calls of a `Tree`, and what a mount backend sees of it is a cipher directory: the
names are encrypted, and paths are those of the ciphertext.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from vaultui.cipherfs.attributes import Attributes
from vaultui.cipherfs.cipherdir import OpenDirectories
from vaultui.cipherfs.conflictsearch import FoundCopy
from vaultui.cipherfs.handles import Handles
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.listing import DirHandle
from vaultui.cipherfs.openfiles import FileHandle, OpenFiles
from vaultui.cipherfs.report import Report, Reporter, ReportKind
from vaultui.cipherfs.reverse import ivs, virtual
from vaultui.cipherfs.reverse.content import SealedView
from vaultui.cipherfs.reverse.entries import Entries
from vaultui.cipherfs.reverse.excludes import Excludes
from vaultui.cipherfs.reverse.nodeattributes import ReverseNodeAttributes
from vaultui.cipherfs.reverse.pathcodec import ReversePathCodec
from vaultui.cipherfs.reverse.paths import shown_path
from vaultui.cipherfs.reverse.readonly import ReadOnly, refuse
from vaultui.cipherfs.reverse.shownnames import ShownNames
from vaultui.cipherfs.reverse.xattrs import ReverseXattrs
from vaultui.cipherfs.tree import Entry, Opened, OpenFileInfo
from vaultui.cipherfs.volume import Volume
from vaultui.cipherfs.xattrs import NoXattrs
from vaultui.format import volumeconf
from vaultui.format.features import ContentScheme
from vaultui.linux.errnos import os_error
from vaultui.model.errors import VaultuiError
from vaultui.model.ids import Handle, InodeNo

_DIRECTORIES: Final = 256
"""How many directories of the plain tree are kept open."""
_DOTS: Final = 2


class _Sealed(NamedTuple):
    """An open plain file that is shown sealed."""

    file: FileHandle
    ivs: ivs.FileIvs


class ReverseFileSystem(ReadOnly):
    """One plain directory as a tree of inodes. One thread owns it; see `Tree` for exceptions."""

    def __init__(
        self,
        plain_fd: int,
        volume: Volume,
        *,
        report: Callable[[Report], None],
        excludes: Excludes | None = None,
        one_file_system: bool = False,
        shows_conf: bool = True,
        xattrs: bool = True,
    ) -> None:
        """`plain_fd` stays the caller's. Raises ValueError for a volume that is not AES-SIV.

        `one_file_system` shows directories where another file system begins as empty ones.
        `shows_conf` False is for a volume whose config lies elsewhere, or that needs none.
        """
        if volume.features.content is not ContentScheme.AES_SIV:
            # Plaintext changes under nonces that stay: any other cipher would give it away.
            raise ValueError(f"{volume.features.content} with nonces that come again")
        root_status = os.stat(b".", dir_fd=plain_fd)
        self._inodes = inodes = Inodes(root_status, virtual.number_ranges(root_status.st_dev))
        self._directories = directories = OpenDirectories(inodes, plain_fd, capacity=_DIRECTORIES)
        self._report = Reporter(report)
        names = ShownNames(volume.names, volume.features.long_name_max)
        self._entries = Entries(
            inodes,
            directories,
            names,
            excludes or Excludes(),
            self._report,
            shows_conf=shows_conf,
            one_file_system=one_file_system,
        )
        self._attributes = ReverseNodeAttributes(inodes, directories, self._entries, volume)
        self._xattrs: ReverseXattrs | NoXattrs = NoXattrs()
        if xattrs:
            self._xattrs = ReverseXattrs(self._attributes, volume)
        self._files = OpenFiles(inodes, directories)
        self._view = SealedView(volume.content)
        self._root_fd = directories.enter(inodes.root).fd
        self._paths = ReversePathCodec(self._root_fd, names)
        self._linked: dict[tuple[int, int], ivs.FileIvs] = {}
        """Of files with several names, the IVs by the path that was opened first: all names
        must show one content, and it must not change with the name that is used."""
        self._file_handles: Handles[_Sealed | bytes] = Handles()
        self._dir_handles: Handles[DirHandle] = Handles()

    # Names and attributes.

    def lookup(self, parent: InodeNo, name: bytes) -> Attributes:
        above = self._inodes.directory(parent)
        if name in (b".", b".."):
            node = above.parent or self._inodes.root if name == b".." else above
            node.refs += 1
            return self._attributes.get(node)
        cname, status = self._entries.find(above, name)
        node = self._adopt(above, cname, name, status)
        node.refs += 1
        return self._attributes.of(node, status)

    def _adopt(self, above: Node, cname: bytes, name: bytes, status: os.stat_result) -> Node:
        """Return the node of an entry, with the name just used as the one that it goes by."""
        node = self._inodes.adopt(above, cname, name, status)
        if node.aliases and (node.parent is not above or node.cname != cname):
            assert node.parent is not None
            others = [alias for alias in node.aliases if alias[:2] != (above, cname)]
            node.aliases = [*others, (node.parent, node.cname, node.name)]
            node.parent, node.cname = above, cname
        # Another one than before where a directory above was moved.
        node.name = name
        return node

    def forget(self, ino: InodeNo, count: int) -> None:
        self._inodes.forget(ino, count)

    def take_reference(self, ino: InodeNo) -> None:
        self._inodes.get(ino).refs += 1

    def getattr(self, ino: InodeNo) -> Attributes:
        return self._attributes.get(self._inodes.get(ino))

    def access(self, ino: InodeNo, mask: int) -> bool:
        if mask & os.W_OK:
            refuse()
        return self._attributes.access(self._inodes.get(ino), mask)

    def readlink(self, ino: InodeNo) -> bytes:
        return self._attributes.read_target(self._inodes.get(ino))

    # Files.

    def open(self, ino: InodeNo, flags: int) -> Opened:
        """Open a file. The kernel keeps pages alone of virtual ones, whose content never changes.

        Of others it can't be told whether they are still right: the content depends on the
        path too, and none of the times moves with that.
        """
        if flags & (os.O_ACCMODE | os.O_TRUNC) != os.O_RDONLY:
            refuse()
        node = self._inodes.get(ino)
        if virtual.is_virtual(node.cname):
            content = self._virtual_content(node)
            handle = self._file_handles.add(content)
            return Opened(handle, keep_cache=virtual.content_of(node.cname) == content)
        file, _keep_cache = self._files.open(node, os.O_RDONLY)
        sealed = _Sealed(file, self._file_ivs(node, os.fstat(file.fd).st_nlink))
        return Opened(self._file_handles.add(sealed), keep_cache=False)

    def _virtual_content(self, node: Node) -> bytes:
        device = node.key[0]
        if device == virtual.COVERED:
            raise os_error(errno.ENOENT)
        if device != virtual.CONF:
            return virtual.content_of(node.cname)
        return self._conf(virtual.content_of(node.cname))

    def _conf(self, name: bytes) -> bytes:
        """Return the config, the one thing that is shown as it is; EIO for what is none.

        Whoever may write to the plain directory can put a link to any file of ours in its
        place, which a backup would carry away for all to read.
        """
        # Not O_NOFOLLOW: the config may be a link to where it is kept. A FIFO is not waited for.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
        fd = os.open(name, flags, dir_fd=self._root_fd)
        try:
            content = os.read(fd, volumeconf.MAX_CONF_BYTES)
        finally:
            os.close(fd)
        try:
            volumeconf.parse(content, os.fsdecode(name))
        except VaultuiError as error:
            self._report(ReportKind.CORRUPT_METADATA, os.fsdecode(name), error.phrase)
            raise os_error(errno.EIO) from None
        return content

    def _file_ivs(self, node: Node, links: int) -> ivs.FileIvs:
        known = self._linked.get(node.key)
        if known is not None:
            return known
        derived = ivs.file_ivs(shown_path(node))
        if links > 1:
            self._linked[node.key] = derived
        return derived

    def read(self, handle: Handle, offset: int, size: int) -> bytes | bytearray | memoryview:
        opened = self._file_handles[handle]
        if isinstance(opened, bytes):
            return opened[offset : offset + size]
        return self._view.read(opened.file.fd, opened.ivs, offset, size)

    def release(self, handle: Handle) -> None:
        opened = self._file_handles.take(handle)
        if not isinstance(opened, bytes):
            self._files.release(opened.file)

    # Directories.

    def opendir(self, ino: InodeNo) -> Handle:
        node = self._inodes.directory(ino)
        if not self._directories.enter(node).readable:
            raise os_error(errno.EACCES)
        return self._dir_handles.add(DirHandle(node))

    def readdir(self, handle: Handle, cookie: int) -> Iterator[Entry]:
        listing = self._dir_handles[handle]
        node = listing.node
        if listing.entries is None or cookie == 0:
            listing.entries = self._entries.list(node)
        if cookie < 1:
            yield Entry(b".", self._attributes.get(node), 1)
        if cookie < _DOTS:
            yield Entry(b"..", self._attributes.get(node.parent or self._inodes.root), _DOTS)
        entries = listing.entries
        for index in range(max(cookie - _DOTS, 0), len(entries)):
            name, cname = entries[index]
            try:
                status = self._entries.status(node, name, cname)
            except FileNotFoundError:
                continue
            found = self._adopt(node, cname, name, status)
            try:
                yield Entry(name, self._attributes.of(found, status), index + _DOTS + 1)
            finally:
                if not found.refs:
                    self._inodes.drop_if_unused(found)

    def releasedir(self, handle: Handle) -> None:
        self._dir_handles.take(handle)

    # Extended attributes.

    def getxattr(self, ino: InodeNo, name: bytes) -> bytes:
        return self._xattrs.get(self._inodes.get(ino), name)

    def listxattr(self, ino: InodeNo) -> list[bytes]:
        return self._xattrs.list(self._inodes.get(ino))

    # The whole.

    def statfs(self) -> os.statvfs_result:
        return os.fstatvfs(self._root_fd)

    def path_of(self, ino: InodeNo) -> str:
        return self._inodes.path_of(self._inodes.get(ino))

    def open_files(self) -> list[OpenFileInfo]:
        handles: dict[Node, int] = {}
        for opened in list(self._file_handles.values()):
            if not isinstance(opened, bytes):
                node = opened.file.file.node
                handles[node] = handles.get(node, 0) + 1
        return [
            OpenFileInfo(self._inodes.path_of(node), count, writable=False)
            for node, count in handles.items()
        ]

    def inode_count(self) -> int:
        return len(self._inodes)

    def encrypt_path(self, path: bytes) -> bytes:
        return self._paths.encrypt(path)

    def decrypt_path(self, path: bytes) -> bytes:
        return self._paths.decrypt(path)

    def conflict_copies(self) -> Iterator[FoundCopy]:
        """Yield nothing: the names of a plain directory are there to be read."""
        return iter(())

    def close(self) -> None:
        for handle in list(self._file_handles):
            self.release(Handle(handle))
        self._dir_handles.clear()
        self._directories.close()
