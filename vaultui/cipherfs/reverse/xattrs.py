"""Extended attributes of a reverse view: names and values encrypted, ACLs in the clear."""

from __future__ import annotations

import errno
import os

from vaultui.cipherfs.inodes import Node
from vaultui.cipherfs.reverse import ivs, virtual
from vaultui.cipherfs.reverse.nodeattributes import ReverseNodeAttributes
from vaultui.cipherfs.reverse.paths import shown_path
from vaultui.cipherfs.volume import Volume
from vaultui.cipherfs.xattrs import ACL_NAMES
from vaultui.crypto.filename import XATTR_PREFIX, BadName
from vaultui.linux.errnos import os_error


class ReverseXattrs:
    """Reads the attributes of plain files. Virtual files have none."""

    def __init__(self, attributes: ReverseNodeAttributes, volume: Volume) -> None:
        self._attributes = attributes
        self._content = volume.content
        self._names = volume.names

    def get(self, node: Node, stored: bytes) -> bytes:
        """Return the value of the attribute `stored`, sealed; ENODATA if there is none."""
        if virtual.is_virtual(node.cname):
            raise _no_data()
        if stored in ACL_NAMES:
            return os.getxattr(self._path(node), stored, follow_symlinks=False)
        # The kernel asks for names of its own, and no attribute of the view is called so.
        if not stored.startswith(XATTR_PREFIX):
            raise _no_data()
        try:
            name = self._names.decrypt_xattr_name(stored)
        except BadName:
            raise _no_data() from None
        value = os.getxattr(self._path(node), name, follow_symlinks=False)
        return self._content.seal_value(value, ivs.xattr_nonce(shown_path(node), stored))

    def list(self, node: Node) -> list[bytes]:
        """Return the names under which all attributes of `node` are shown."""
        if virtual.is_virtual(node.cname):
            return []
        names = map(os.fsencode, os.listxattr(self._path(node), follow_symlinks=False))
        return [
            name if name in ACL_NAMES else self._names.encrypt_xattr_name(name) for name in names
        ]

    def _path(self, node: Node) -> bytes:
        """Return a path of `node`: these system calls know no directory descriptor."""
        return b"/proc/self/fd/%d/%s" % self._attributes.place(node)


def _no_data() -> OSError:
    return os_error(errno.ENODATA)
