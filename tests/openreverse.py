"""A reverse view of a plain directory in the test's own process; nothing is mounted.

Its volume has a known master key and no config, so no key derivation is waited for.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Self

from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.attributes import Attributes
from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.report import Report
from vaultui.cipherfs.reverse.filesystem import ReverseFileSystem
from vaultui.cipherfs.volume import Volume
from vaultui.format import volumeconf
from vaultui.format.kdfcost import ScryptCost
from vaultui.format.volumeconf import VolumeConf
from vaultui.model.ids import InodeNo
from vaultui.model.secret import Secret

_CONTENT = ("HKDF", "GCMIV128", "AESSIV")
EME = ("DirIV", "EMENames", "LongNames", "Raw64")
DETERMINISTIC = ("EMENames", "LongNames", "Raw64")
PLAINTEXT = ("PlaintextNames",)


def a_config(creator: str = "test") -> bytes:
    """Return a config that can be read; no password opens its volume."""
    return volumeconf.format(VolumeConf(creator, bytes(64), ScryptCost(bytes(32))))


def volume_of_zeros(names: tuple[str, ...] = EME, long_name_max: int = 0) -> Volume:
    """Return the volume for reverse mode whose master key is all zeros (`-zerokey`)."""
    return volumes.volume_from_master_key(Secret(bytearray(32)), (*_CONTENT, *names), long_name_max)


class OpenReverse:
    """A ReverseFileSystem with short ways to do by path what a kernel does by inode.

    Paths are those of the plain directory, except where they are said to be shown ones.
    """

    def __init__(self, plain: Path, volume: Volume | None = None, **options: Any) -> None:
        self.reports: list[Report] = []
        self.volume = volume or volume_of_zeros()
        self._fd = os.open(plain, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self.fs = ReverseFileSystem(
                self._fd, self.volume, report=self.reports.append, **options
            )
        except BaseException:
            os.close(self._fd)
            raise

    def close(self) -> None:
        self.fs.close()
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def shown(self, path: str) -> bytes:
        """Return the shown path of a plain one."""
        return self.fs.encrypt_path(os.fsencode(path)) if path else b""

    def find(self, shown: bytes) -> Attributes:
        """Return the attributes at a shown path, looked up as a kernel does."""
        found = self.fs.getattr(ROOT)
        for part in filter(None, shown.split(b"/")):
            found = self.fs.lookup(found.ino, part)
        return found

    def attributes(self, path: str) -> Attributes:
        return self.find(self.shown(path))

    def exists(self, path: str) -> bool:
        try:
            self.attributes(path)
        except FileNotFoundError:
            return False
        return True

    def names(self, path: str = "") -> list[bytes]:
        """Return the shown names in a directory as they come, without the dots."""
        handle = self.fs.opendir(self.attributes(path).ino)
        try:
            return [entry.name for entry in self.fs.readdir(handle, 0)][2:]
        finally:
            self.fs.releasedir(handle)

    def read(self, path: str) -> bytes:
        return self.read_shown(self.shown(path))

    def read_shown(self, shown: bytes) -> bytes:
        return self.read_ino(self.find(shown).ino)

    def read_ino(self, ino: InodeNo, step: int = 128 << 10) -> bytes:
        """Return the whole ciphertext of a file."""
        handle = self.fs.open(ino, os.O_RDONLY).handle
        try:
            content = bytearray()
            while piece := self.fs.read(handle, len(content), step):
                content += piece
            return bytes(content)
        finally:
            self.fs.release(handle)

    def tree(self) -> dict[bytes, tuple[int, int, bytes]]:
        """Return mode, size and content (or target) of everything by its shown path."""
        found: dict[bytes, tuple[int, int, bytes]] = {}
        self._walk(ROOT, b"", found)
        return found

    def _walk(self, ino: InodeNo, above: bytes, found: dict[bytes, tuple[int, int, bytes]]) -> None:
        handle = self.fs.opendir(ino)
        for entry in self.fs.readdir(handle, 0):
            if entry.name in (b".", b".."):
                continue
            attributes = entry.attributes
            self.fs.take_reference(attributes.ino)
            path = above + b"/" + entry.name if above else entry.name
            content = b""
            if stat.S_ISREG(attributes.mode):
                content = self.read_ino(attributes.ino)
            elif stat.S_ISLNK(attributes.mode):
                content = self.fs.readlink(attributes.ino)
            found[path] = (attributes.mode, attributes.size, content)
            if stat.S_ISDIR(attributes.mode):
                self._walk(attributes.ino, path, found)
        self.fs.releasedir(handle)
