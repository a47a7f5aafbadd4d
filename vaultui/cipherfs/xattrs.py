"""Extended attributes: names and values encrypted, access control lists in the clear.

ACLs pass through, because the kernel must be able to read them; whether it enforces them is
decided where the mount is made. Everything else is kept as `user.gocryptfs.` and the
encrypted name, whatever its namespace.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from vaultui.cipherfs.cipherdir import Directories
from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.nodeattributes import NodeAttributes
from vaultui.cipherfs.report import Reporter, ReportKind
from vaultui.cipherfs.volume import Volume
from vaultui.crypto.content import ContentCipher, CorruptBlock
from vaultui.crypto.filename import XATTR_PREFIX, BadName, Names
from vaultui.format import names as names_format
from vaultui.linux.credentials import Caller, acting_for
from vaultui.linux.errnos import os_error

ACL_NAMES: Final = frozenset({b"system.posix_acl_access", b"system.posix_acl_default"})
CAPABILITY: Final = b"security.capability"
"""Old kernels ask for it before each write. On a mount that is nosuid it would mean nothing,
so the answer costs no system call."""

_CACHED_NAMES: Final = 1024


class Xattrs:
    """Reads and changes extended attributes of nodes."""

    def __init__(
        self,
        inodes: Inodes,
        directories: Directories,
        attrs: NodeAttributes,
        volume: Volume,
        report: Reporter,
        *,
        suid: bool,
    ) -> None:
        self._inodes = inodes
        self._directories = directories
        self._attrs = attrs
        self._content = volume.content
        self._names = volume.names
        self._report = report
        self.unread: Final = None if suid else CAPABILITY
        """The attribute that means nothing here, so that nobody looks for it."""
        self._stored_names: dict[bytes, bytes] = {}

    def get(self, node: Node, name: bytes) -> bytes:
        """Return the value; ENODATA if there is none, EIO and a report if it is damaged."""
        if name == self.unread:
            raise os_error(errno.EOPNOTSUPP)
        where, follow = self._place(node)
        stored = os.getxattr(where, self._stored_name(name), follow_symlinks=follow)
        if name in ACL_NAMES:
            return stored
        try:
            return open_value(self._content, self._names, stored)
        except CorruptBlock as error:
            self._report(
                ReportKind.CORRUPT_METADATA,
                self._inodes.path_of(node),
                f"the attribute {os.fsdecode(name)} cannot be decrypted: {error.reason}",
            )
            raise os_error(errno.EIO) from None

    def set(self, node: Node, name: bytes, value: bytes, flags: int, caller: Caller | None) -> None:
        """Set the value. `flags` as in setxattr(2).

        An ACL is set as `caller`: it may take the set-group-ID bit away from a file of a
        group that the caller is not in.
        """
        self._attrs.stat(node)  # makes sure that the name still leads to this inode
        where, follow = self._place(node)
        if name in ACL_NAMES:
            with acting_for(caller):
                os.setxattr(where, name, value, flags, follow_symlinks=follow)
        else:
            sealed = self._content.seal_value(value)
            os.setxattr(where, self._stored_name(name), sealed, flags, follow_symlinks=follow)

    def list(self, node: Node) -> list[bytes]:
        """Return the names of all attributes that can be decrypted; others are reported."""
        where, follow = self._place(node)
        found = []
        for text in os.listxattr(where, follow_symlinks=follow):
            stored = os.fsencode(text)
            if stored in ACL_NAMES:
                found.append(stored)
            elif stored.startswith(XATTR_PREFIX):
                try:
                    name = self._names.decrypt_xattr_name(stored)
                except BadName as error:
                    self._report(
                        ReportKind.CORRUPT_METADATA,
                        self._inodes.path_of(node),
                        f"the attribute name {text} cannot be decrypted: {error.reason}",
                    )
                    continue
                # Encrypted ACLs are of an old version, and no kernel ever read them.
                if name not in ACL_NAMES:
                    found.append(name)
        return found

    def remove(self, node: Node, name: bytes) -> None:
        """Remove the attribute; ENODATA if there is none."""
        self._attrs.stat(node)
        where, follow = self._place(node)
        os.removexattr(where, self._stored_name(name), follow_symlinks=follow)

    def _stored_name(self, name: bytes) -> bytes:
        if name in ACL_NAMES:
            return name
        stored = self._stored_names.get(name)
        if stored is None:
            if len(self._stored_names) >= _CACHED_NAMES:
                self._stored_names.clear()
            stored = self._stored_names[name] = self._names.encrypt_xattr_name(name)
        return stored

    def _place(self, node: Node) -> tuple[int | bytes, bool]:
        """Return the descriptor or path of `node`, and whether to follow (a descriptor) or not.

        The system calls for attributes know no directory descriptor, so that of the parent
        is spelled as a path.
        """
        if node.open is not None:
            return node.open.fd, True
        if node.directory is not None and node.directory.readable:
            return node.directory.fd, True
        if node.parent is None:
            raise os_error(errno.ESTALE)
        fd = self._directories.enter(node.parent).fd
        return b"/proc/self/fd/%d/%s" % (fd, node.cname), False


class NoXattrs:
    """Extended attributes of a mount that is to have none."""

    def get(self, node: Node, name: bytes) -> bytes:
        raise os_error(errno.ENODATA)

    def set(self, node: Node, name: bytes, value: bytes, flags: int, caller: Caller | None) -> None:
        raise os_error(errno.EOPNOTSUPP)

    def list(self, node: Node) -> list[bytes]:
        return []

    def remove(self, node: Node, name: bytes) -> None:
        raise os_error(errno.EOPNOTSUPP)


def open_value(content: ContentCipher, names: Names, stored: bytes) -> bytes:
    """Return the value of an attribute from what is stored; raises CorruptBlock.

    Volumes from before gocryptfs 1.5 may hold the sealed value as base64 text.
    """
    try:
        return content.open_value(stored)
    except CorruptBlock as error:
        decode = names_format.decode_padded if names.padded else names_format.decode_raw
        try:
            sealed = decode(stored)
        except BadName:
            raise error from None
        return content.open_value(sealed)
