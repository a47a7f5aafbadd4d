"""Looking through a whole volume for conflict copies, without reading a file.

Works from the root of the cipher directory with descriptors of its own and shares nothing
that changes with the file system, so it may run in another thread.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from vaultui.cipherfs.cipherdir import open_directory
from vaultui.cipherfs.conflictcopies import EntryNamesWithCopies
from vaultui.cipherfs.descent import Descent
from vaultui.cipherfs.pathcodec import PathCodec
from vaultui.cipherfs.volume import Volume
from vaultui.format import conflictnames
from vaultui.format.conflictnames import HINT

_SEPARATOR: Final = b"/"


class FoundCopy(NamedTuple):
    path: bytes
    """Plaintext path; of a copy that has none, that of its directory and its name on disk."""
    original: bytes
    """Plaintext path of what it is a copy of; empty for a file of the volume's own."""
    cipher_path: bytes


class _Folder(NamedTuple):
    path: bytes
    """Ciphertext path; empty for the root."""
    below: list[bytes]
    """Directories that are still to be looked into, the next last."""


class ConflictSearch:
    """Finds the conflict copies of one volume. Usable from any thread."""

    def __init__(self, root_fd: int, volume: Volume) -> None:
        """`root_fd` stays the caller's."""
        self._root_fd = root_fd
        self._are_plain = volume.names.is_plain
        names = EntryNamesWithCopies(volume.names, volume.features.long_name_max)
        self._codec = PathCodec(root_fd, names)

    def run(self) -> Iterator[FoundCopy]:
        """Yield all copies, directory by directory in the order of names on disk.

        What can't be read is passed over.
        """
        descent = Descent[_Folder]()
        with contextlib.closing(descent):
            yield from self._enter(descent, self._root_fd, b"")
            while descent:
                fd, folder = descent.here
                if fd < 0 or not folder.below:
                    descent.up()
                    continue
                yield from self._enter(descent, fd, folder.below.pop())

    def _enter(self, descent: Descent[_Folder], above_fd: int, cname: bytes) -> Iterator[FoundCopy]:
        """Go down into a directory; yield the copies in it."""
        above = descent.here[1].path if descent else b""
        path = _SEPARATOR.join(filter(None, (above, cname)))
        below: list[bytes] = []
        hinted: list[bytes] = []
        try:
            fd, _readable = open_directory(above_fd, cname or b".")
            descent.down(fd, _Folder(path, below))
            with os.scandir(fd) as entries:
                for entry in entries:
                    name = os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        below.append(name)
                    if HINT.search(name):
                        hinted.append(name)
        except OSError:
            return
        below.sort(reverse=True)
        find = self._plain_copy if self._are_plain else self._copy
        for name in sorted(hinted):
            if (copy := find(path, name)) is not None:
                yield copy

    def _plain_copy(self, folder: bytes, name: bytes) -> FoundCopy | None:
        copy = conflictnames.parse_plain(name)
        if copy is None:
            return None
        path = _SEPARATOR.join(filter(None, (folder, name)))
        original = _SEPARATOR.join(filter(None, (folder, copy.original)))
        try:
            os.stat(original, dir_fd=self._root_fd, follow_symlinks=False)
        except OSError:
            return None
        return FoundCopy(path, original, path)

    def _copy(self, folder: bytes, cname: bytes) -> FoundCopy | None:
        copy = conflictnames.parse(cname)
        if copy is None:
            return None
        cipher_path = _SEPARATOR.join(filter(None, (folder, cname)))
        try:
            if copy.is_entry:
                original = _SEPARATOR.join(filter(None, (folder, copy.original)))
                plain = self._codec.decrypt(cipher_path)
                return FoundCopy(plain, self._codec.decrypt(original), cipher_path)
            above = self._codec.decrypt(folder) if folder else b""
        except OSError:  # of no entry after all, or below a directory without its IV
            return None
        return FoundCopy(_SEPARATOR.join(filter(None, (above, cname))), b"", cipher_path)
