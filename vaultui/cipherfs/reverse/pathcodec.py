"""Whole paths translated in both directions, as `cipherfs.pathcodec` does it the other way round.

Works from the root of the plain directory with descriptors of its own.
"""

from __future__ import annotations

import errno
import os

from vaultui.cipherfs.cipherdir import open_directory
from vaultui.cipherfs.reverse.paths import join
from vaultui.cipherfs.reverse.shownnames import ShownNames, UnknownHash
from vaultui.crypto.filename import BadName, NameTooLong
from vaultui.format.names import is_companion, is_long
from vaultui.linux.errnos import os_error


class ReversePathCodec:
    """Encrypts and decrypts relative paths. Usable from any thread."""

    def __init__(self, root_fd: int, names: ShownNames) -> None:
        self._root_fd = root_fd
        self._names = names

    def encrypt(self, path: bytes) -> bytes:
        """Return the path in the view of the plain `path`. Nothing of it need exist.

        Raises OSError: ENAMETOOLONG or EINVAL.
        """
        done = b""
        for part in path.split(b"/"):
            try:
                shown = self._names.shown(part, self._names.dir_iv(done))
            except NameTooLong:
                raise os_error(errno.ENAMETOOLONG) from None
            except BadName as error:
                raise OSError(errno.EINVAL, error.reason) from None
            done = join(done, shown.name)
        return done

    def decrypt(self, path: bytes) -> bytes:
        """Return the plain path that is shown as `path`. Only what is hashed must exist.

        Raises OSError: EINVAL for `.name` files, ENOENT for other names of no plain file.
        """
        plain = above = b""
        for part in path.split(b"/"):
            if is_companion(part) and not self._names.are_plain:
                raise os_error(errno.EINVAL)
            name = self._plain_name(part, self._names.dir_iv(above), plain)
            plain = join(plain, name)
            above = join(above, part)
        return plain

    def _plain_name(self, shown: bytes, dir_iv: bytes, above: bytes) -> bytes:
        """Return the plain name of `shown` in the plain directory `above`."""
        names = self._names
        try:
            if names.are_plain or not is_long(shown):
                return names.plain(shown, dir_iv)
            there = self._list(above)
            names.learn(there, dir_iv)
            # A name that was only asked for may have been met, too.
            if (plain := names.plain(shown, dir_iv)) in there:
                return plain
        except (BadName, UnknownHash):
            pass
        raise os_error(errno.ENOENT)

    def _list(self, path: bytes) -> list[bytes]:
        """Return the names in the plain directory `path`, to which no symlink leads."""
        fd, readable = open_directory(self._root_fd, b".")
        try:
            for part in filter(None, path.split(b"/")):
                below, readable = open_directory(fd, part)
                os.close(fd)
                fd = below
            if not readable:
                raise os_error(errno.EACCES)
            return [os.fsencode(name) for name in os.listdir(fd)]
        finally:
            os.close(fd)
