"""Whole paths translated in both directions, for people who ask which file is which.

Works from the root of the cipher directory with descriptors of its own and shares nothing
that changes with the file system, so it may run in another thread.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

from vaultui.cipherfs.cipherdir import open_directory
from vaultui.cipherfs.entrynames import EntryNames, WalkedPlace
from vaultui.cipherfs.metadata import BadDirIv, NoCompanion, read_dir_iv
from vaultui.crypto.filename import FIXED_IV, BadName


class PathCodec:
    """Encrypts and decrypts relative paths. Usable from any thread."""

    def __init__(self, root_fd: int, names: EntryNames) -> None:
        self._root_fd = root_fd
        self._names = names

    def encrypt(self, path: bytes) -> bytes:
        """Return the ciphertext path of `path`, whose last component need not exist.

        With plaintext names it is the same one, and no component need exist. Raises OSError:
        ENOENT for a missing directory on the way, ENAMETOOLONG, EINVAL.
        """
        return self._walk(path, self._encrypt_component)

    def decrypt(self, path: bytes) -> bytes:
        """Return the plaintext path of `path`, whose last component need not exist.

        Unless it is hashed: its `.name` file is needed then. Raises OSError: ENOENT, or
        EBADMSG for what is not the encrypted name of an entry, with the reason as its text and
        that component as its file name.
        """
        return self._walk(path, self._decrypt_component)

    def _walk(
        self, path: bytes, translate: Callable[[WalkedPlace, bytes], tuple[bytes, bytes]]
    ) -> bytes:
        """Translate component by component; `translate` answers (on disk, translated)."""
        if self._names.are_plain:
            return path
        done = []
        parts = path.split(b"/")
        fd, _readable = open_directory(self._root_fd, b".")
        try:
            for index, part in enumerate(parts):
                place = WalkedPlace(fd, self._read_iv(fd), is_root=not index)
                on_disk, translated = translate(place, part)
                done.append(translated)
                if index + 1 < len(parts):
                    below, _readable = open_directory(fd, on_disk)
                    os.close(fd)
                    fd = below
        finally:
            os.close(fd)
        return b"/".join(done)

    def _read_iv(self, fd: int) -> bytes:
        if not self._names.uses_dir_iv:
            return FIXED_IV
        try:
            return read_dir_iv(fd)
        except BadDirIv as error:
            raise OSError(errno.EIO, f"the IV of a directory: {error}") from None

    def _encrypt_component(self, place: WalkedPlace, name: bytes) -> tuple[bytes, bytes]:
        cname = self._names.on_disk(place, name)
        return cname, cname

    def _decrypt_component(self, place: WalkedPlace, cname: bytes) -> tuple[bytes, bytes]:
        try:
            name = self._names.shown(place, cname)
        except NoCompanion as error:
            raise OSError(errno.ENOENT, error.reason, cname) from None
        except BadName as error:
            raise OSError(errno.EBADMSG, error.reason, cname) from None
        if name is None:
            raise OSError(errno.EBADMSG, "it is not an entry of the vault", cname)
        return cname, name
