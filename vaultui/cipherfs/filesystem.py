"""The encrypted file system as plain calls: numbers and bytes in, attributes and bytes out.

This is all that a mount backend sees. It knows nothing of FUSE: what the kernel asks arrives as
node numbers and handles, and what goes wrong leaves as OSError, whose errno is what the
kernel gets. Trouble that a person should hear of goes to `report` as well.

One thread owns a file system. Exceptions say so in their docstrings: `read` and `write` lock
their file, which helps as long as no compiled hot path works on the same files; a job of
`fsync_job` owns its descriptors, and the paths of `encrypt_path` and `decrypt_path` are walked
apart from everything else.
"""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Final, NamedTuple

from vaultui.cipherfs.attributes import AttributeChange, Attributes
from vaultui.cipherfs.badnames import LenientEntryNames
from vaultui.cipherfs.cipherdir import Directories
from vaultui.cipherfs.conflictcopies import EntryNamesWithCopies
from vaultui.cipherfs.conflictsearch import ConflictSearch, FoundCopy
from vaultui.cipherfs.dirops import DirOps
from vaultui.cipherfs.durability import Durability
from vaultui.cipherfs.entrynames import EntryNames, entry_names_of
from vaultui.cipherfs.fileio import FileIO
from vaultui.cipherfs.handles import Handles
from vaultui.cipherfs.inodes import ROOT, Inodes, Node
from vaultui.cipherfs.listing import DirHandle, Listings
from vaultui.cipherfs.nodeattributes import NodeAttributes
from vaultui.cipherfs.openfiles import FileHandle, OpenFile, OpenFiles
from vaultui.cipherfs.orderless import OrderlessDurability
from vaultui.cipherfs.pathcodec import PathCodec
from vaultui.cipherfs.report import Report, Reporter
from vaultui.cipherfs.space import Space
from vaultui.cipherfs.spareivs import SpareIvs
from vaultui.cipherfs.symlinks import symlinks_of
from vaultui.cipherfs.syncjob import SyncJob
from vaultui.cipherfs.tree import Entry, Opened, OpenFileInfo
from vaultui.cipherfs.volume import Volume
from vaultui.cipherfs.wholesyncs import WholeSyncs
from vaultui.cipherfs.xattrs import NoXattrs, Xattrs
from vaultui.linux.atcalls import (
    BTRFS_MAGIC,
    IN_PLACE_MAGICS,
    LOCAL_MAGICS,
    ORDERED_MAGICS,
    filesystem_magic,
)
from vaultui.linux.credentials import Caller
from vaultui.linux.errnos import os_error
from vaultui.model.ids import Handle, InodeNo

__all__ = ["ROOT", "Entry", "FileSystem", "OpenFileInfo", "Opened"]

COHERENCE_S: Final = 1.0
"""How old what we know of the cipher directory may be, in seconds: as long as the kernel
trusts attributes and entries, so that a change behind our back shows as soon as it could."""

_DIRECTORY_SHARE: Final = 8
"""Cached directories take at most this part of the limit of open files: the rest is for open
files, where EMFILE would be an error that somebody sees."""
_DIRECTORIES_MAX: Final = 512
_DIRECTORIES_MIN: Final = 16


class Parts(NamedTuple):
    """What a compiled hot path works on beside the file system, in the same thread."""

    inodes: Inodes
    directories: Directories
    files: OpenFiles
    io: FileIO
    space: Space
    attrs: NodeAttributes
    listings: Listings
    entry_names: EntryNames
    file_handles: Handles[FileHandle]
    dir_handles: Handles[DirHandle]
    xattrs: Xattrs | None
    """None where nothing has any."""
    unsynced: dict[Node, None] | None
    """Directories with what a sync may depend on; None where that can't be told by them."""
    volume: Volume
    is_local: bool
    keeps_order: bool
    """Whether a rename is not kept without what came before: see durability.py."""
    read_only: bool
    coherence_s: float
    in_place_device: int | None


class FileSystem:
    """One volume as a tree of inodes. The process umask must be 0."""

    _new_inodes: ClassVar[type[Inodes]] = Inodes

    def __init__(
        self,
        cipherdir_fd: int,
        volume: Volume,
        *,
        read_only: bool = False,
        report: Callable[[Report], None],
        prealloc: bool = True,
        coherence_s: float = COHERENCE_S,
        bad_names: Sequence[str] = (),
        conflict_copies: bool = False,
        xattrs: bool = True,
        suid: bool = False,
        spare_ivs: bool = False,
        on_change: Callable[[InodeNo], None] = lambda _: None,
    ) -> None:
        """`cipherdir_fd` stays the caller's.

        `bad_names` are patterns of undecryptable names to show; raises BadPattern. Without any,
        `conflict_copies` shows those of sync clients. `suid` says
        that programs may gain rights by their files, so that capabilities mean something.
        With `spare_ivs` a thread keeps some ready on the disk, and a mkdir need not wait for it.
        `on_change` is told whose attributes changed by a write or an open, where the caller
        can't know.
        """
        self._volume = volume
        self._read_only = read_only
        self._coherence_s = coherence_s
        reporter = Reporter(report)
        self._names = names = _entry_names(volume, bad_names, conflict_copies)
        self._inodes = inodes = self._new_inodes(os.stat(b".", dir_fd=cipherdir_fd))
        self._directories = directories = Directories(
            inodes,
            cipherdir_fd,
            names,
            reporter,
            capacity=_directory_capacity(),
            coherence_s=coherence_s,
        )
        root = inodes.root.directory
        assert root is not None
        self._root_fd = root.fd
        magic = filesystem_magic(root.fd)
        self._is_local = magic in LOCAL_MAGICS
        self._in_place_device = inodes.root.key[0] if magic in IN_PLACE_MAGICS else None
        self._space = Space(prealloc=prealloc)
        self._files = OpenFiles(inodes, directories)
        self._io = FileIO(
            volume.content,
            inodes,
            self._space,
            reporter,
            coherence_s=coherence_s,
            in_place_device=self._in_place_device,
            on_change=on_change,
        )
        symlinks = symlinks_of(volume)
        self._attrs = NodeAttributes(
            inodes, directories, self._files, self._io, volume.content, symlinks, reporter
        )
        self._durability: Durability | WholeSyncs
        if magic == BTRFS_MAGIC:
            self._durability = WholeSyncs()
        elif magic in ORDERED_MAGICS:
            self._durability = Durability(inodes, directories)
        else:
            self._durability = OrderlessDurability(inodes, directories)
        self._spare_ivs = SpareIvs(root.fd, wanted=spare_ivs)
        self._dirops = DirOps(
            inodes, directories, names, self._attrs, symlinks, self._durability, self._spare_ivs
        )
        self._listings = Listings(inodes, directories, self._attrs)
        self._xattrs: Xattrs | NoXattrs = NoXattrs()
        if xattrs:
            self._xattrs = Xattrs(inodes, directories, self._attrs, volume, reporter, suid=suid)
        self._paths = PathCodec(self._root_fd, names)
        self._conflict_search = ConflictSearch(self._root_fd, volume)
        self._file_handles: Handles[FileHandle] = Handles()
        self._dir_handles: Handles[DirHandle] = Handles()

    # The tree.

    def lookup(self, parent: InodeNo, name: bytes) -> Attributes:
        """Return the attributes of an entry, and take one kernel reference on it."""
        above = self._inodes.directory(parent)
        directory = self._directories.with_iv(above)
        if name in (b".", b".."):
            found = above.parent or self._inodes.root if name == b".." else above
            found.refs += 1
            return self._attrs.get(found)
        cname = self._names.on_disk(directory, name)
        status = os.stat(cname, dir_fd=directory.fd, follow_symlinks=False)
        node = self._inodes.adopt(above, cname, name, status)
        node.refs += 1
        return self._attrs.of(node, status)

    def forget(self, ino: InodeNo, count: int) -> None:
        """Give back `count` references of the kernel."""
        self._inodes.forget(ino, count)

    def take_reference(self, ino: InodeNo) -> None:
        """Count one reference: for an entry of a listing that the kernel took."""
        self._inodes.get(ino).refs += 1

    def getattr(self, ino: InodeNo) -> Attributes:
        return self._attrs.get(self._inodes.get(ino))

    def setattr(
        self, ino: InodeNo, change: AttributeChange, handle: Handle | None = None
    ) -> Attributes:
        """Change attributes, through the descriptor of `handle` when there is one."""
        self._check_writable()
        file_handle = None if handle is None else self._file_handles.get(handle)
        return self._attrs.change(self._inodes.get(ino), change, file_handle)

    def access(self, ino: InodeNo, mask: int) -> bool:
        """Tell whether access(2) with `mask` is granted."""
        if mask & os.W_OK:
            self._check_writable()
        return self._attrs.access(self._inodes.get(ino), mask)

    def readlink(self, ino: InodeNo) -> bytes:
        return self._attrs.read_target(self._inodes.get(ino))

    # Entries. What returns attributes takes one kernel reference. What makes an entry makes it
    # as the user `caller` where one is given.

    def mknod(
        self, parent: InodeNo, name: bytes, mode: int, rdev: int, caller: Caller | None = None
    ) -> Attributes:
        self._check_writable()
        above = self._inodes.directory(parent)
        return self._referenced(self._dirops.mknod(above, name, mode, rdev, caller))

    def mkdir(
        self, parent: InodeNo, name: bytes, mode: int, caller: Caller | None = None
    ) -> Attributes:
        self._check_writable()
        above = self._inodes.directory(parent)
        return self._referenced(self._dirops.mkdir(above, name, mode, caller))

    def symlink(
        self, parent: InodeNo, name: bytes, target: bytes, caller: Caller | None = None
    ) -> Attributes:
        self._check_writable()
        above = self._inodes.directory(parent)
        return self._referenced(self._dirops.symlink(above, name, target, caller))

    def link(
        self, ino: InodeNo, new_parent: InodeNo, new_name: bytes, caller: Caller | None = None
    ) -> Attributes:
        self._check_writable()
        above = self._inodes.directory(new_parent)
        return self._referenced(self._dirops.link(self._inodes.get(ino), above, new_name, caller))

    def unlink(self, parent: InodeNo, name: bytes) -> None:
        self._check_writable()
        self._dirops.unlink(self._inodes.directory(parent), name)

    def rmdir(self, parent: InodeNo, name: bytes) -> None:
        self._check_writable()
        self._dirops.rmdir(self._inodes.directory(parent), name)

    def rename(
        self, old_parent: InodeNo, old: bytes, new_parent: InodeNo, new: bytes, flags: int
    ) -> None:
        """Rename; `flags` as in renameat2(2)."""
        self._check_writable()
        self._dirops.rename(
            self._inodes.directory(old_parent), old, self._inodes.directory(new_parent), new, flags
        )

    # Files.

    def open(self, ino: InodeNo, flags: int) -> Opened:
        """Open a file; honours O_TRUNC and O_APPEND."""
        if flags & os.O_ACCMODE != os.O_RDONLY or flags & os.O_TRUNC:
            self._check_writable()
        file_handle, keep_cache = self._files.open(self._inodes.get(ino), flags)
        handle = self._file_handles.add(file_handle)
        if flags & os.O_TRUNC:
            try:
                self._io.truncate(file_handle.file, file_handle.fd, 0)
            except BaseException:
                self.release(handle)
                raise
        # Where nothing is believed, times may be too coarse to tell, or two clocks too far apart.
        return Opened(handle, keep_cache and self._coherence_s > 0)

    def create(
        self, parent: InodeNo, name: bytes, mode: int, flags: int, caller: Caller | None = None
    ) -> tuple[Opened, Attributes]:
        """Make and open a file.

        ESTALE where there is one, unless `flags` has O_EXCL: the kernel did not know of it and
        has asked nothing about it. It looks again then, and opens the file if the caller may.
        """
        self._check_writable()
        above = self._inodes.directory(parent)
        try:
            node, fd, attributes = self._dirops.create(above, name, mode, caller)
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
            raise os_error(errno.ESTALE) from None
        node.refs += 1
        handle = self._file_handles.add(
            self._files.attach(node, fd, writable=True, append=bool(flags & os.O_APPEND))
        )
        return Opened(handle, keep_cache=False), attributes

    def read(self, handle: Handle, offset: int, size: int) -> bytes | bytearray | memoryview:
        """Return up to `size` bytes, fewer only at the end. From any thread."""
        return self._io.read(self._file_handles[handle], offset, size)

    def write(self, handle: Handle, offset: int, data: bytes) -> int:
        """Write all of `data`, at the end through an append handle. From any thread."""
        return self._io.write(self._file_handles[handle], offset, data)

    def flush(self, handle: Handle) -> None:
        """Bring out what a close of the backing file would say (close(2) on NFS).

        ENOSYS where it never says anything: the kernel stops asking then, which saves
        one request for each file that is opened.
        """
        file_handle = self._file_handles[handle]
        if self._is_local:
            raise os_error(errno.ENOSYS)
        if file_handle.writable:
            os.close(os.dup(file_handle.fd))

    def fsync_job(self, handle: Handle, datasync: bool) -> SyncJob:
        """Return what syncs a file, and first what its path depends on: call it once, anywhere."""
        file_handle = self._file_handles[handle]
        job = self._durability.before_file(file_handle.file.node)
        job.then(os.dup(file_handle.fd), data_only=datasync)
        return job

    def fsync(self, handle: Handle, datasync: bool) -> None:
        self.fsync_job(handle, datasync)()

    def release(self, handle: Handle) -> None:
        self._files.release(self._file_handles.take(handle))

    # Directories.

    def opendir(self, ino: InodeNo) -> Handle:
        return self._dir_handles.add(self._listings.open(self._inodes.directory(ino)))

    def readdir(self, handle: Handle, cookie: int) -> Iterator[Entry]:
        """Yield the entries behind `cookie`, "." and ".." first.

        For an entry other than those two that the kernel took, call `take_reference` before
        going on; an iterator that is not exhausted must be closed.
        """
        return self._listings.read(self._dir_handles[handle], cookie)

    def releasedir(self, handle: Handle) -> None:
        self._dir_handles.take(handle)

    def fsyncdir_job(self, handle: Handle, datasync: bool) -> SyncJob:
        """Return what syncs a directory, and what the names in it and above it depend on."""
        node = self._dir_handles[handle].node
        directory = self._directories.enter(node)
        if not directory.readable:
            raise os_error(errno.EACCES)
        job = self._durability.before_directory(node)
        job.then(os.dup(self._directories.enter(node).fd), data_only=datasync)
        return job

    def fsyncdir(self, handle: Handle, datasync: bool) -> None:
        self.fsyncdir_job(handle, datasync)()

    # Extended attributes.

    def getxattr(self, ino: InodeNo, name: bytes) -> bytes:
        return self._xattrs.get(self._inodes.get(ino), name)

    def setxattr(
        self,
        ino: InodeNo,
        name: bytes,
        value: bytes,
        flags: int = 0,
        caller: Caller | None = None,
    ) -> None:
        """Set an attribute. An ACL is set as `caller`: the set-group-ID bit depends on it."""
        self._check_writable()
        self._xattrs.set(self._inodes.get(ino), name, value, flags, caller)

    def listxattr(self, ino: InodeNo) -> list[bytes]:
        return self._xattrs.list(self._inodes.get(ino))

    def removexattr(self, ino: InodeNo, name: bytes) -> None:
        self._check_writable()
        self._xattrs.remove(self._inodes.get(ino), name)

    # The whole.

    def statfs(self) -> os.statvfs_result:
        """Return the backing file system's figures."""
        return os.fstatvfs(self._root_fd)

    def path_of(self, ino: InodeNo) -> str:
        """Return the plaintext path as last known, without a leading slash."""
        return self._inodes.path_of(self._inodes.get(ino))

    def open_files(self) -> list[OpenFileInfo]:
        """Return the files that are open, each once. From any thread."""
        # Copied in one step: the data plane opens and releases meanwhile.
        by_file: dict[OpenFile, list[FileHandle]] = {}
        for handle in list(self._file_handles.values()):
            by_file.setdefault(handle.file, []).append(handle)
        return [
            OpenFileInfo(
                self._inodes.path_of(file.node),
                len(handles),
                any(handle.writable for handle in handles),
            )
            for file, handles in by_file.items()
        ]

    def inode_count(self) -> int:
        """Return how many inodes are remembered for the kernel. From any thread."""
        return len(self._inodes)

    def parts(self) -> Parts:
        """Return what a compiled hot path works on."""
        return Parts(
            inodes=self._inodes,
            directories=self._directories,
            files=self._files,
            io=self._io,
            space=self._space,
            attrs=self._attrs,
            listings=self._listings,
            entry_names=self._names,
            file_handles=self._file_handles,
            dir_handles=self._dir_handles,
            xattrs=self._xattrs if isinstance(self._xattrs, Xattrs) else None,
            volume=self._volume,
            unsynced=self._durability.unsynced,
            is_local=self._is_local,
            keeps_order=type(self._durability) is Durability,
            read_only=self._read_only,
            coherence_s=self._coherence_s,
            in_place_device=self._in_place_device,
        )

    def encrypt_path(self, path: bytes) -> bytes:
        """Return the ciphertext path of a relative path. From any thread."""
        return self._paths.encrypt(path)

    def decrypt_path(self, path: bytes) -> bytes:
        """Return the plaintext path of a relative path. From any thread."""
        return self._paths.decrypt(path)

    def conflict_copies(self) -> Iterator[FoundCopy]:
        """Yield the conflict copies of sync clients, shown or not. From any thread."""
        return self._conflict_search.run()

    def close(self) -> None:
        """Give back all descriptors."""
        for handle in list(self._file_handles):
            self.release(Handle(handle))
        self._dir_handles.clear()
        self._spare_ivs.close()
        self._directories.close()

    def _referenced(self, attributes: Attributes) -> Attributes:
        self._inodes.get(attributes.ino).refs += 1
        return attributes

    def _check_writable(self) -> None:
        if self._read_only:
            raise os_error(errno.EROFS)


def _entry_names(volume: Volume, bad_names: Sequence[str], conflict_copies: bool) -> EntryNames:
    if volume.names.is_plain:
        return entry_names_of(volume)
    if bad_names:
        return LenientEntryNames(volume.names, volume.features.long_name_max, bad_names)
    if conflict_copies:
        return EntryNamesWithCopies(volume.names, volume.features.long_name_max)
    return entry_names_of(volume)


def _directory_capacity() -> int:
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return _DIRECTORIES_MAX
    return max(_DIRECTORIES_MIN, min(_DIRECTORIES_MAX, soft // _DIRECTORY_SHARE))
