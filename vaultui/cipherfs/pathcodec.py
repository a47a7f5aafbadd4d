"""Whole paths translated in both directions, for people who ask which file is which.

Works from the root of the cipher directory with descriptors of its own and shares nothing
that changes with the file system, so it may run in another thread.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Final

from vaultui.cipherfs.cipherdir import (
    BadDirIv,
    open_directory,
    read_companion,
    read_dir_iv,
)
from vaultui.crypto.filename import BadName, Names, NameTooLong
from vaultui.format.names import CONF_NAME, DIR_IV_NAME, is_companion, is_long

_ROOT_FLAGS: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class PathCodec:
    """Encrypts and decrypts relative paths. Usable from any thread."""

    def __init__(self, root_fd: int, names: Names, *, long_name_max: int) -> None:
        self._root_fd = root_fd
        self._names = names
        self._long_name_max = long_name_max

    def encrypt(self, path: bytes) -> bytes:
        """Return the ciphertext path of `path`, whose last component need not exist.

        Raises OSError: ENOENT for a missing directory on the way, ENAMETOOLONG, EINVAL.
        """
        return self._walk(path, self._encrypt_component)

    def decrypt(self, path: bytes) -> bytes:
        """Return the plaintext path of `path`, whose last component need not exist.

        Unless it is hashed: its `.name` file is needed then. Raises OSError: ENOENT, or
        EBADMSG for what is not the encrypted name of an entry, with the reason as its text.
        """
        return self._walk(path, self._decrypt_component)

    def _walk(
        self, path: bytes, translate: Callable[[int, bytes, bytes], tuple[bytes, bytes]]
    ) -> bytes:
        """Translate component by component; `translate` answers (on disk, translated)."""
        done = []
        parts = path.split(b"/")
        fd = os.open(b".", _ROOT_FLAGS, dir_fd=self._root_fd)
        try:
            for index, part in enumerate(parts):
                try:
                    iv = read_dir_iv(fd)
                except BadDirIv as error:
                    raise OSError(errno.EIO, f"the IV of a directory: {error}") from None
                on_disk, translated = translate(fd, part, iv)
                done.append(translated)
                if index + 1 < len(parts):
                    below, _readable = open_directory(fd, on_disk)
                    os.close(fd)
                    fd = below
        finally:
            os.close(fd)
        return b"/".join(done)

    def _encrypt_component(self, fd: int, name: bytes, iv: bytes) -> tuple[bytes, bytes]:
        try:
            cname = self._names.encrypt(name, iv)
        except NameTooLong:
            raise OSError(errno.ENAMETOOLONG, "file name too long") from None
        except BadName as error:
            raise OSError(errno.EINVAL, error.reason) from None
        if len(cname) > self._long_name_max:
            cname = self._names.hash_long_name(cname)
        return cname, cname

    def _decrypt_component(self, fd: int, cname: bytes, iv: bytes) -> tuple[bytes, bytes]:
        if cname in (CONF_NAME, DIR_IV_NAME) or is_companion(cname):
            raise OSError(errno.EBADMSG, f"{os.fsdecode(cname)} is not an entry of the vault")
        try:
            full = read_companion(fd, cname, self._names) if is_long(cname) else cname
            return cname, self._names.decrypt(full, iv)
        except BadName as error:
            raise OSError(errno.EBADMSG, error.reason) from None
