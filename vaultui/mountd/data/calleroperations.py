"""Requests whose answer depends on who asks: what makes something new, and some attributes.

Where users share a mount that root serves, a new file belongs to whoever makes it. Where the
kernel obeys access control lists, modes arrive as they were asked for, because a directory
may have a default list, which counts instead of the umask: acl(5), "Object creation".

Of attributes the kernel asks permission itself, but for those of `system.`, which it leaves to
the file system that gives them their meaning; and it lists what it is told. See xattr(7).
"""

from __future__ import annotations

import errno
import stat
from typing import Any, Final

from pyfuse3 import EntryAttributes, FileInfo, RequestContext

from vaultui.cipherfs.xattrs import ACL_NAMES
from vaultui.linux.credentials import Caller, caller_of
from vaultui.linux.errnos import os_error
from vaultui.model.ids import InodeNo
from vaultui.mountd.activity import Touch
from vaultui.mountd.data.boundary import handler
from vaultui.mountd.data.operations import VaultOperations

DEFAULT_ACL: Final = b"system.posix_acl_default"
_SYSTEM: Final = b"system."
_TRUSTED: Final = b"trusted."


class CallerOperations(VaultOperations):
    """Serves one Tree to several users."""

    def __init__(self, *arguments: Any, preserve_owner: bool, mask: bool) -> None:
        """`preserve_owner` makes what is new belong to the caller, `mask` says that the kernel
        leaves the umask to us. The rest is for VaultOperations."""
        super().__init__(*arguments)
        self._preserve_owner = preserve_owner
        self._mask = mask

    @handler(Touch.USE)
    def mknod(
        self, parent: InodeNo, name: bytes, mode: int, rdev: int, context: RequestContext
    ) -> EntryAttributes:
        mode = self._masked(parent, mode, context)
        return self._entry(self._fs.mknod(parent, name, mode, rdev, self._caller(context)))

    @handler(Touch.USE)
    def mkdir(
        self, parent: InodeNo, name: bytes, mode: int, context: RequestContext
    ) -> EntryAttributes:
        mode = self._masked(parent, mode, context)
        return self._entry(self._fs.mkdir(parent, name, mode, self._caller(context)))

    @handler(Touch.USE)
    def symlink(
        self, parent: InodeNo, name: bytes, target: bytes, context: RequestContext
    ) -> EntryAttributes:
        return self._entry(self._fs.symlink(parent, name, target, self._caller(context)))

    @handler(Touch.USE)
    def link(
        self, ino: InodeNo, parent: InodeNo, name: bytes, context: RequestContext
    ) -> EntryAttributes:
        return self._entry(self._fs.link(ino, parent, name, self._caller(context)))

    @handler(Touch.USE)
    def create(
        self, parent: InodeNo, name: bytes, mode: int, flags: int, context: RequestContext
    ) -> tuple[FileInfo, EntryAttributes]:
        mode = self._masked(parent, mode, context)
        opened, attributes = self._fs.create(parent, name, mode, flags, self._caller(context))
        self.activity.open_files += 1
        return FileInfo(fh=opened.handle, keep_cache=opened.keep_cache), self._entry(attributes)

    @handler(Touch.LOOK)
    def getxattr(self, ino: InodeNo, name: bytes, context: RequestContext) -> bytes:
        _check_permission(name, context)
        return bytes(self._fs.getxattr(ino, name))

    @handler(Touch.LOOK)
    def listxattr(self, ino: InodeNo, context: RequestContext) -> list[bytes]:
        names = self._fs.listxattr(ino)
        if not context.uid:
            return list(names)
        return [name for name in names if not (name.startswith(_TRUSTED) or _is_unknown(name))]

    @handler(Touch.USE)
    def setxattr(self, ino: InodeNo, name: bytes, value: bytes, context: RequestContext) -> None:
        _check_permission(name, context)
        self._fs.setxattr(ino, name, value, caller=self._caller(context))

    @handler(Touch.USE)
    def removexattr(self, ino: InodeNo, name: bytes, context: RequestContext) -> None:
        _check_permission(name, context)
        self._fs.removexattr(ino, name)

    def _caller(self, context: RequestContext) -> Caller | None:
        if not self._preserve_owner:
            return None
        return caller_of(context.pid, context.uid, context.gid)

    def _masked(self, parent: InodeNo, mode: int, context: RequestContext) -> int:
        """Return `mode` without the umask, unless `parent` has a default list."""
        if not self._mask or not context.umask & mode:
            return mode
        try:
            self._fs.getxattr(parent, DEFAULT_ACL)
        except OSError:  # it has none, or the file system below knows none
            return mode & ~stat.S_IMODE(context.umask)
        return mode


def _is_unknown(name: bytes) -> bool:
    """Tell whether no file system here gives the attribute its meaning, or rights to anybody."""
    return name.startswith(_SYSTEM) and name not in ACL_NAMES


def _check_permission(name: bytes, context: RequestContext) -> None:
    """Raise EOPNOTSUPP, as native file systems do; root may keep such attributes, as in a copy."""
    if context.uid and _is_unknown(name):
        raise os_error(errno.EOPNOTSUPP)
