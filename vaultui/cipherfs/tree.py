"""What a mount backend needs of a file system: calls by number, as the kernel makes them.

There are two of these trees: `FileSystem` shows a cipher directory decrypted, and
`ReverseFileSystem` shows a plain directory encrypted. Whoever serves one is typed against
this Protocol and knows of neither.

What goes wrong leaves as OSError, whose errno is what the kernel gets. One thread owns a tree;
only what says so may be called from any thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple, Protocol

from vaultui.cipherfs.attributes import AttributeChange, Attributes
from vaultui.model.ids import Handle, InodeNo

if TYPE_CHECKING:
    from vaultui.cipherfs.conflictsearch import FoundCopy
    from vaultui.linux.credentials import Caller


class Entry(NamedTuple):
    """One entry of a listing."""

    name: bytes
    attributes: Attributes
    next_cookie: int
    """From where a listing goes on behind this entry."""


class Opened(NamedTuple):
    """The answer to an open."""

    handle: Handle
    keep_cache: bool
    """True while the kernel's cached pages of the file are still right."""


class OpenFileInfo(NamedTuple):
    """One open file, for people."""

    path: str
    """Path inside the mount without a leading slash; as last known after an unlink."""
    handles: int
    writable: bool


class Tree(Protocol):
    """A mounted tree of inodes.

    What makes an entry makes it as the user `caller` where one is given, and returns attributes
    with one kernel reference taken. A tree that can't be changed answers EROFS.
    """

    # Names and attributes.

    def lookup(self, parent: InodeNo, name: bytes) -> Attributes:
        """Return the attributes of an entry, and take one kernel reference on it."""

    def forget(self, ino: InodeNo, count: int) -> None:
        """Give back `count` references of the kernel."""

    def take_reference(self, ino: InodeNo) -> None:
        """Count one reference: for an entry of a listing that the kernel took."""

    def getattr(self, ino: InodeNo) -> Attributes: ...

    def setattr(
        self, ino: InodeNo, change: AttributeChange, handle: Handle | None = None
    ) -> Attributes:
        """Change attributes, through the descriptor of `handle` when there is one."""

    def access(self, ino: InodeNo, mask: int) -> bool:
        """Tell whether access(2) with `mask` is granted."""

    def readlink(self, ino: InodeNo) -> bytes: ...

    # Entries.

    def mknod(
        self, parent: InodeNo, name: bytes, mode: int, rdev: int, caller: Caller | None = None
    ) -> Attributes: ...

    def mkdir(
        self, parent: InodeNo, name: bytes, mode: int, caller: Caller | None = None
    ) -> Attributes: ...

    def symlink(
        self, parent: InodeNo, name: bytes, target: bytes, caller: Caller | None = None
    ) -> Attributes: ...

    def link(
        self, ino: InodeNo, new_parent: InodeNo, new_name: bytes, caller: Caller | None = None
    ) -> Attributes: ...

    def unlink(self, parent: InodeNo, name: bytes) -> None: ...

    def rmdir(self, parent: InodeNo, name: bytes) -> None: ...

    def rename(
        self, old_parent: InodeNo, old: bytes, new_parent: InodeNo, new: bytes, flags: int
    ) -> None:
        """Rename; `flags` as in renameat2(2)."""

    # Files.

    def open(self, ino: InodeNo, flags: int) -> Opened:
        """Open a file; honours O_TRUNC and O_APPEND."""

    def create(
        self, parent: InodeNo, name: bytes, mode: int, flags: int, caller: Caller | None = None
    ) -> tuple[Opened, Attributes]:
        """Make and open a file.

        Where there is one it is EEXIST if `flags` has O_EXCL, and else ESTALE, at which the
        kernel looks again.
        """

    def read(self, handle: Handle, offset: int, size: int) -> bytes | bytearray | memoryview:
        """Return up to `size` bytes, fewer only at the end. From any thread."""

    def write(self, handle: Handle, offset: int, data: bytes) -> int:
        """Write all of `data` and return its length. From any thread."""

    def flush(self, handle: Handle) -> None:
        """Bring out what a close would say; ENOSYS where it never says anything."""

    def fsync_job(self, handle: Handle, datasync: bool) -> Callable[[], None]:
        """Return what syncs a file: call it once, in any thread."""

    def release(self, handle: Handle) -> None: ...

    # Directories.

    def opendir(self, ino: InodeNo) -> Handle: ...

    def readdir(self, handle: Handle, cookie: int) -> Iterator[Entry]:
        """Yield the entries behind `cookie`, "." and ".." first.

        For an entry other than those two that the kernel took, call `take_reference` before
        going on; an iterator that is not exhausted must be closed.
        """

    def releasedir(self, handle: Handle) -> None: ...

    def fsyncdir_job(self, handle: Handle, datasync: bool) -> Callable[[], None]:
        """Return what syncs a directory: call it once, in any thread."""

    # Extended attributes.

    def getxattr(self, ino: InodeNo, name: bytes) -> bytes: ...

    def setxattr(
        self,
        ino: InodeNo,
        name: bytes,
        value: bytes,
        flags: int = 0,
        caller: Caller | None = None,
    ) -> None:
        """Set an attribute; `flags` as in setxattr(2). An ACL is set as `caller`."""

    def listxattr(self, ino: InodeNo) -> list[bytes]: ...

    def removexattr(self, ino: InodeNo, name: bytes) -> None: ...

    # The whole.

    def statfs(self) -> os.statvfs_result:
        """Return the backing file system's figures."""

    def path_of(self, ino: InodeNo) -> str:
        """Return the path inside the mount as last known, without a leading slash."""

    def open_files(self) -> list[OpenFileInfo]:
        """Return the files that are open, each once. From any thread."""

    def inode_count(self) -> int:
        """Return how many inodes are remembered for the kernel. From any thread."""

    def encrypt_path(self, path: bytes) -> bytes:
        """Return the ciphertext path of a relative plaintext path. From any thread."""

    def decrypt_path(self, path: bytes) -> bytes:
        """Return the plaintext path of a relative ciphertext path. From any thread."""

    def conflict_copies(self) -> Iterator[FoundCopy]:
        """Yield the conflict copies of sync clients, shown or not. From any thread."""

    def close(self) -> None:
        """Give back all descriptors."""
