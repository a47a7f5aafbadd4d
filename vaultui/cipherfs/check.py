"""Reads a whole volume without mounting it, and names everything that is damaged.

Directories are walked in the order of their plain names, each file is read to its end and
each attribute opened; nothing is written. What cannot be decrypted is damage; what cannot be
read at all, for want of permission or because the disk fails, is skipped and said so. Conflict
copies of sync clients are read like everything else, and listed.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from vaultui.cipherfs.checkednames import CheckedNames
from vaultui.cipherfs.descent import Descent
from vaultui.cipherfs.entrynames import WalkedPlace
from vaultui.cipherfs.metadata import BadDirIv, read_dir_iv
from vaultui.cipherfs.symlinks import symlinks_of
from vaultui.cipherfs.volume import Volume
from vaultui.cipherfs.wholefile import WholeFile
from vaultui.cipherfs.xattrs import open_value
from vaultui.crypto.content import CorruptBlock
from vaultui.crypto.filename import FIXED_IV, XATTR_PREFIX, BadName
from vaultui.linux.errnos import reason_of

_PROGRESS_EVERY_S: Final = 0.2
_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class DamageKind(Enum):
    """What is wrong with an entry; the values go to whoever asked for the check."""

    CONTENT = "corrupt-content"
    NAME = "corrupt-name"
    XATTR = "corrupt-xattr"
    SYMLINK = "corrupt-symlink"
    DIR_IV = "missing-dir-iv"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class CheckSummary:
    """What a check read and found."""

    files: int
    bytes: int
    """Of ciphertext read; holes are not read."""
    corrupt: int
    """Damages of all kinds but UNREADABLE."""
    skipped: int
    """Entries that could not be opened, and so were not checked."""
    copies: int = 0
    """Conflict copies, of entries and of files of the volume's own."""
    cancelled: bool = False


OnProgress = Callable[[int, int, str], None]
"""Called with the files and bytes so far and the plaintext path that is being read."""
OnDamage = Callable[[DamageKind, str, str, str], None]
"""Called with the kind, the plaintext path as far as it can be decrypted, the ciphertext
path, and the reason."""
OnCopy = Callable[[str, str, str], None]
"""Called with the plaintext path of a conflict copy, that of its original, and the ciphertext
path. A copy of a file of the volume's own has no original, and no plain name."""


def check(
    cipherdir_fd: int,
    volume: Volume,
    on_progress: OnProgress,
    on_damage: OnDamage,
    cancelled: Callable[[], bool] = lambda: False,
    on_copy: OnCopy = lambda *_paths: None,
) -> CheckSummary:
    """Check the volume below `cipherdir_fd`; stops soon after `cancelled` answers True."""
    return _Check(volume, on_progress, on_damage, cancelled, on_copy).run(cipherdir_fd)


class _Cancelled(Exception):
    """Unwinds the walk."""


class _EntryPath:
    """An entry, by the names of it and of all above it; the root has none.

    Paths are put together when somebody asks: in a deep tree all of them together would take
    more memory than the tree.
    """

    __slots__ = ("above", "cname", "name")

    def __init__(self, above: _EntryPath | None, name: bytes, cname: bytes) -> None:
        self.above = above
        self.name = name
        self.cname = cname

    def below(self, name: bytes, cname: bytes) -> _EntryPath:
        return _EntryPath(self, name, cname)

    def paths(self) -> tuple[str, str]:
        """Return the plain and the ciphertext path, without leading slashes."""
        names, cnames = [], []
        path = self
        while path.above is not None:
            names.append(path.name)
            cnames.append(path.cname)
            path = path.above
        return os.fsdecode(b"/".join(reversed(names))), os.fsdecode(b"/".join(reversed(cnames)))


@dataclass(frozen=True, slots=True)
class _Listed:
    """A directory, and what of it is still to be checked: (name, name on disk), the next last."""

    path: _EntryPath
    entries: list[tuple[bytes, bytes]]


class _Check:
    def __init__(
        self,
        volume: Volume,
        on_progress: OnProgress,
        on_damage: OnDamage,
        cancelled: Callable[[], bool],
        on_copy: OnCopy,
    ) -> None:
        self._content = volume.content
        self._names = volume.names
        self._entry_names = CheckedNames(volume)
        self._symlinks = symlinks_of(volume)
        self._on_progress = on_progress
        self._on_damage = on_damage
        self._cancelled = cancelled
        self._on_copy = on_copy
        self._files = self._bytes = self._corrupt = self._skipped = self._copies = 0
        self._links_left: dict[tuple[int, int], int] = {}
        """Files with several names that were read, and how many of those are still to come."""
        self._told = 0.0
        self._path = _EntryPath(None, b"", b"")
        self._whole_file = WholeFile(volume.content, self._read)
        self._descent = Descent[_Listed]()

    def run(self, root_fd: int) -> CheckSummary:
        try:
            self._walk(root_fd)
        except _Cancelled:
            return self._summary(cancelled=True)
        finally:
            self._descent.close()
        return self._summary(cancelled=False)

    def _summary(self, *, cancelled: bool) -> CheckSummary:
        return CheckSummary(
            self._files, self._bytes, self._corrupt, self._skipped, self._copies, cancelled
        )

    def _walk(self, root_fd: int) -> None:
        """Check directories depth first."""
        self._try(self._directory, root_fd, b".")
        while self._descent:
            fd, listed = self._descent.here
            if not listed.entries:
                self._descent.up()
                continue
            if fd < 0:
                self._path = listed.path
                self._unreadable("it was moved while it was checked")
                listed.entries.clear()
                continue
            name, cname = listed.entries.pop()
            self._path = listed.path.below(name, cname)
            self._try(self._entry, fd, cname)

    def _try(self, check: Callable[[int, bytes], None], fd: int, cname: bytes) -> None:
        self._tick()
        try:
            check(fd, cname)
        except OSError as error:
            self._unreadable(reason_of(error))

    def _entry(self, fd: int, cname: bytes) -> None:
        status = os.stat(cname, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            self._directory(fd, cname)
        elif stat.S_ISLNK(status.st_mode):
            self._symlink(fd, cname)
        elif stat.S_ISREG(status.st_mode) and not self._was_read(status):
            self._file(fd, cname)

    def _directory(self, above_fd: int, cname: bytes) -> None:
        """Check a directory itself, and go down into it for what it holds."""
        fd = os.open(cname, _OPEN | os.O_DIRECTORY, dir_fd=above_fd)
        listed = _Listed(self._path, [])
        self._descent.down(fd, listed)
        self._xattrs(fd)
        try:
            iv = read_dir_iv(fd) if self._names.uses_dir_iv else FIXED_IV
        except BadDirIv as error:
            self._damage(DamageKind.DIR_IV, f"the IV of this directory: {error}")
            return
        except PermissionError:
            raise
        except OSError as error:  # it is a directory, a symlink, a bad sector
            self._damage(DamageKind.DIR_IV, f"the IV of this directory: {error.strerror}")
            return
        folder = WalkedPlace(fd, iv, is_root=self._path.above is None)
        listed.entries.extend(self._list(folder))
        listed.entries.sort(reverse=True)

    def _list(self, folder: WalkedPlace) -> list[tuple[bytes, bytes]]:
        """Return (name, name on disk) of what can be decrypted."""
        found = self._entry_names.read(folder)
        for cname, reason in found.bad:
            self._damage(DamageKind.NAME, reason, self._path.below(cname, cname))
        for copy in found.copies:
            self._copies += 1
            path, cipher = self._path.below(copy.name, copy.cname).paths()
            original = self._path.below(copy.original, b"").paths()[0] if copy.original else ""
            self._on_copy(path, original, cipher)
        return found.entries

    def _symlink(self, fd: int, cname: bytes) -> None:
        target = os.readlink(cname, dir_fd=fd)
        if self._names.is_plain:
            return
        try:
            self._symlinks.open(target)
        except (BadName, CorruptBlock) as error:
            self._damage(DamageKind.SYMLINK, f"the target: {error.reason}")

    def _was_read(self, status: os.stat_result) -> bool:
        """Tell whether the file was read under another of its names."""
        if status.st_nlink == 1:
            return False
        key = (status.st_dev, status.st_ino)
        left = self._links_left.pop(key, 0)
        # Forgotten with its last name: a backup has millions of them.
        if left != 1:
            self._links_left[key] = (left or status.st_nlink) - 1
        return left > 0

    def _file(self, above_fd: int, cname: bytes) -> None:
        self._files += 1
        fd = os.open(cname, _OPEN, dir_fd=above_fd)
        try:
            self._xattrs(fd)
            if damage := self._whole_file.damage(fd):
                self._damage(DamageKind.CONTENT, damage)
        finally:
            os.close(fd)

    def _read(self, size: int) -> None:
        self._bytes += size
        self._tick()

    def _xattrs(self, fd: int) -> None:
        """Check the attributes of an open entry; what is wrong with them ends nothing else."""
        try:
            for text in os.listxattr(fd):
                stored = os.fsencode(text)
                if stored.startswith(XATTR_PREFIX):
                    self._xattr(fd, stored)
        except OSError as error:
            if error.errno != errno.EOPNOTSUPP:  # a file system without attributes
                self._unreadable(f"its attributes: {error.strerror}")

    def _xattr(self, fd: int, stored: bytes) -> None:
        try:
            name = os.fsdecode(self._names.decrypt_xattr_name(stored))
        except BadName as error:
            reason = f"the attribute name {os.fsdecode(stored)}: {error.reason}"
            self._damage(DamageKind.XATTR, reason)
            return
        try:
            open_value(self._content, self._names, os.getxattr(fd, stored))
        except CorruptBlock as error:
            self._damage(DamageKind.XATTR, f"the attribute {name}: {error.reason}")

    def _damage(self, kind: DamageKind, reason: str, path: _EntryPath | None = None) -> None:
        self._corrupt += 1
        self._on_damage(kind, *(path or self._path).paths(), reason)

    def _unreadable(self, reason: str) -> None:
        self._skipped += 1
        self._on_damage(DamageKind.UNREADABLE, *self._path.paths(), reason)

    def _tick(self) -> None:
        if self._cancelled():
            raise _Cancelled
        now = time.monotonic()
        if now - self._told >= _PROGRESS_EVERY_S:
            self._told = now
            self._on_progress(self._files, self._bytes, self._path.paths()[0])
