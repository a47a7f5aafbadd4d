"""A volume and its FileSystem, opened in the test's own process and worked on by paths.

Nothing is mounted: what a test calls is what a mount backend would call.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.attributes import AttributeChange, Attributes
from vaultui.cipherfs.filesystem import ROOT, FileSystem
from vaultui.cipherfs.report import Report
from vaultui.cipherfs.volume import Volume
from vaultui.model.ids import Handle, InodeNo
from vaultui.model.secret import Secret

PASSWORD = b"correct horse battery"
"""The same as that of mounted volumes in these tests, so that one can be both."""


def create(cipherdir: Path) -> None:
    """Make an empty volume: a copy of one, which costs no key derivation and no fsync."""
    cipherdir.mkdir(parents=True, exist_ok=True)
    for name, mode, content in _pristine():
        (cipherdir / name).write_bytes(content)
        (cipherdir / name).chmod(mode)


@functools.cache
def _pristine() -> tuple[tuple[str, int, bytes], ...]:
    """Return name, mode and content of what a new volume consists of."""
    with tempfile.TemporaryDirectory() as cipherdir:
        volumes.create(cipherdir, Secret(bytearray(PASSWORD)), scrypt_logn=10).wipe()
        return tuple(
            (path.name, stat.S_IMODE(path.stat().st_mode), path.read_bytes())
            for path in Path(cipherdir).iterdir()
        )


@dataclass(frozen=True)
class Flavour:
    """What a volume is made of, in the words of a volume config."""

    flags: str
    long_name_max: int = 0

    def create(self, cipherdir: Path) -> Volume:
        """Make a volume that has no config, under a key of zeros; return it opened."""
        cipherdir.mkdir(parents=True, exist_ok=True)
        volume = volumes.volume_from_master_key(
            Secret(bytearray(32)), self.flags.split(), self.long_name_max
        )
        if volume.names.uses_dir_iv:
            (cipherdir / "gocryptfs.diriv").write_bytes(os.urandom(16))
        return volume


FLAVOURS = {
    "siv": Flavour("HKDF GCMIV128 DirIV EMENames LongNames Raw64 AESSIV"),
    "xchacha-deterministic": Flavour("HKDF XChaCha20Poly1305 EMENames LongNames Raw64"),
    "plaintextnames": Flavour("HKDF GCMIV128 PlaintextNames"),
    "longnamemax-62": Flavour(
        "HKDF GCMIV128 DirIV LongNameMax EMENames LongNames Raw64", long_name_max=62
    ),
    "0.6": Flavour("DirIV EMENames"),
}
"""Volumes unlike those that are made by default, each in as many ways as go together. The last
has nonces of 12 bytes, padded base64 and no derived keys, as before gocryptfs 0.7."""


class OpenVolume:
    """A FileSystem with short ways to do by path what a kernel does by inode."""

    kind: ClassVar[type[FileSystem]] = FileSystem

    def __init__(self, cipherdir: Path, volume: Volume | None = None, **options: Any) -> None:
        """Without `volume`, that of the config in `cipherdir` is opened."""
        self.cipherdir = cipherdir
        self.options = options
        self.reports: list[Report] = []
        self.volume = volume or volumes.open_volume(cipherdir, Secret(bytearray(PASSWORD)))
        self._fd = -1
        self.fs = self._open()

    def _open(self) -> FileSystem:
        self._fd = os.open(self.cipherdir, os.O_RDONLY | os.O_DIRECTORY)
        return self.kind(self._fd, self.volume, report=self.reports.append, **self.options)

    def reopen(self) -> None:
        """Forget everything that is only in memory."""
        self.close()
        self.fs = self._open()

    def close(self) -> None:
        self.fs.close()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # Paths.

    def ino(self, path: str) -> InodeNo:
        return self.attributes(path).ino

    def attributes(self, path: str) -> Attributes:
        """Return the attributes at `path`, looked up component by component as a kernel does."""
        found = self.fs.getattr(ROOT)
        for part in filter(None, path.split("/")):
            found = self.fs.lookup(found.ino, os.fsencode(part))
        return found

    def split(self, path: str) -> tuple[InodeNo, bytes]:
        above, _slash, name = path.rpartition("/")
        return self.ino(above), os.fsencode(name)

    def exists(self, path: str) -> bool:
        try:
            self.attributes(path)
        except FileNotFoundError:
            return False
        return True

    def cipher_path(self, path: str) -> Path:
        """Return where `path` lies on disk."""
        return self.cipherdir / os.fsdecode(self.fs.encrypt_path(os.fsencode(path)))

    # Work.

    @contextlib.contextmanager
    def open(self, path: str, flags: int = os.O_RDWR, mode: int = 0o644) -> Iterator[Handle]:
        """Open a file, with O_CREAT and O_EXCL as open(2) has them."""
        parent, name = self.split(path)
        try:
            if flags & os.O_EXCL:
                raise FileNotFoundError
            handle = self.fs.open(self.fs.lookup(parent, name).ino, flags).handle
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
            handle = self.fs.create(parent, name, mode, flags)[0].handle
        try:
            yield handle
        finally:
            self.flush(handle)
            self.fs.release(handle)

    def flush(self, handle: Handle) -> None:
        """Flush as a kernel does: one that is not served is one that went well."""
        try:
            self.fs.flush(handle)
        except OSError as error:
            if error.errno != errno.ENOSYS:
                raise

    def write(self, path: str, data: bytes, at: int = 0, *, flags: int = 0) -> None:
        """Write into a file, which is made if it is not there."""
        with self.open(path, os.O_RDWR | os.O_CREAT | flags) as handle:
            assert self.fs.write(handle, at, data) == len(data)

    def read(self, path: str) -> bytes:
        """Return the whole content of a file."""
        with self.open(path, os.O_RDONLY) as handle:
            return self.read_handle(handle)

    def read_handle(self, handle: Handle, step: int = 128 << 10) -> bytes:
        """Return the content from the start to where reading ends."""
        content = bytearray()
        while piece := self.fs.read(handle, len(content), step):
            content += piece
        return bytes(content)

    def sync(self, path: str) -> None:
        """Sync a file or a directory, as fsync(2) does."""
        if stat.S_ISDIR(self.attributes(path).mode):
            folder = self.fs.opendir(self.ino(path))
            self.fs.fsyncdir(folder, False)
            self.fs.releasedir(folder)
        else:
            with self.open(path, os.O_RDONLY) as handle:
                self.fs.fsync(handle, False)

    def truncate(self, path: str, size: int) -> Attributes:
        return self.fs.setattr(self.ino(path), AttributeChange(size=size))

    def mkdir(self, path: str, mode: int = 0o755) -> Attributes:
        return self.fs.mkdir(*self.split(path), mode)

    def symlink(self, target: bytes, path: str) -> Attributes:
        return self.fs.symlink(*self.split(path), target)

    def unlink(self, path: str) -> None:
        self.fs.unlink(*self.split(path))

    def rmdir(self, path: str) -> None:
        self.fs.rmdir(*self.split(path))

    def rename(self, old: str, new: str, flags: int = 0) -> None:
        """Rename after looking both up, as a kernel does."""
        for path in (old, new):
            with contextlib.suppress(FileNotFoundError):
                self.ino(path)
        self.fs.rename(*self.split(old), *self.split(new), flags)

    def list(self, path: str = "") -> list[str]:
        """Return the sorted names in a directory, without the dots."""
        handle = self.fs.opendir(self.ino(path))
        try:
            names = [os.fsdecode(entry.name) for entry in self.fs.readdir(handle, 0)]
        finally:
            self.fs.releasedir(handle)
        assert names[:2] == [".", ".."]
        return sorted(names[2:])

    def raw_entries(self, path: str = "") -> set[str]:
        """Return the names on disk in a directory, without its IV and the config."""
        names = set(os.listdir(self.cipher_path(path) if path else self.cipherdir))
        return names - {"gocryptfs.diriv", "gocryptfs.conf"}
