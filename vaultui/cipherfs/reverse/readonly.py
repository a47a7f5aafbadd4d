"""The part of a tree that nobody can change: every change is refused, and nothing waits."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

from vaultui.cipherfs.attributes import AttributeChange, Attributes
from vaultui.cipherfs.tree import Opened
from vaultui.linux.errnos import os_error
from vaultui.model.ids import Handle, InodeNo

if TYPE_CHECKING:
    from vaultui.linux.credentials import Caller


def refuse() -> NoReturn:
    """Raise OSError EROFS."""
    raise os_error(errno.EROFS)


class ReadOnly:
    """Those calls of a `Tree` that would change it, or bring changes to the disk."""

    def setattr(
        self, ino: InodeNo, change: AttributeChange, handle: Handle | None = None
    ) -> Attributes:
        refuse()

    def mknod(
        self, parent: InodeNo, name: bytes, mode: int, rdev: int, caller: Caller | None = None
    ) -> Attributes:
        refuse()

    def mkdir(
        self, parent: InodeNo, name: bytes, mode: int, caller: Caller | None = None
    ) -> Attributes:
        refuse()

    def symlink(
        self, parent: InodeNo, name: bytes, target: bytes, caller: Caller | None = None
    ) -> Attributes:
        refuse()

    def link(
        self, ino: InodeNo, new_parent: InodeNo, new_name: bytes, caller: Caller | None = None
    ) -> Attributes:
        refuse()

    def unlink(self, parent: InodeNo, name: bytes) -> None:
        refuse()

    def rmdir(self, parent: InodeNo, name: bytes) -> None:
        refuse()

    def rename(
        self, old_parent: InodeNo, old: bytes, new_parent: InodeNo, new: bytes, flags: int
    ) -> None:
        refuse()

    def create(
        self, parent: InodeNo, name: bytes, mode: int, flags: int, caller: Caller | None = None
    ) -> tuple[Opened, Attributes]:
        refuse()

    def write(self, handle: Handle, offset: int, data: bytes) -> int:
        refuse()

    def setxattr(
        self,
        ino: InodeNo,
        name: bytes,
        value: bytes,
        flags: int = 0,
        caller: Caller | None = None,
    ) -> None:
        refuse()

    def removexattr(self, ino: InodeNo, name: bytes) -> None:
        refuse()

    def flush(self, handle: Handle) -> None:
        raise os_error(errno.ENOSYS)

    def fsync_job(self, handle: Handle, datasync: bool) -> Callable[[], None]:
        return _nothing

    def fsyncdir_job(self, handle: Handle, datasync: bool) -> Callable[[], None]:
        return _nothing


def _nothing() -> None:
    """What there is to sync."""
