"""Reads a whole volume without mounting it, and names everything that is damaged.

Directories are walked in the order of their plain names, each file is read to its end and
each attribute opened; nothing is written. What cannot be decrypted is damage; what cannot be
read at all, for want of permission or because the disk fails, is skipped and said so.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from vaultui.cipherfs.metadata import (
    REMOVED_IV_PREFIX,
    BadDirIv,
    read_companion,
    read_dir_iv,
)
from vaultui.cipherfs.symlinks import symlinks_of
from vaultui.cipherfs.volume import Volume
from vaultui.cipherfs.xattrs import ACL_NAMES, open_value
from vaultui.crypto.content import CorruptBlock
from vaultui.crypto.filename import XATTR_PREFIX, BadName
from vaultui.format.blocks import HEADER_BYTES, BadHeader, parse_header
from vaultui.format.names import CONF_NAME, DIR_IV_NAME, is_companion, is_long

_RUN_BLOCKS: Final = 64
"""Blocks that are read at once: 256 KiB, behind which the per-call cost disappears."""
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
    cancelled: bool = False


OnProgress = Callable[[int, int, str], None]
"""Called with the files and bytes so far and the plaintext path that is being read."""
OnDamage = Callable[[DamageKind, str, str, str], None]
"""Called with the kind, the plaintext path as far as it can be decrypted, the ciphertext
path, and the reason."""


def check(
    cipherdir_fd: int,
    volume: Volume,
    on_progress: OnProgress,
    on_damage: OnDamage,
    cancelled: Callable[[], bool] = lambda: False,
) -> CheckSummary:
    """Check the volume below `cipherdir_fd`; stops soon after `cancelled` answers True."""
    return _Check(volume, on_progress, on_damage, cancelled).run(cipherdir_fd)


class _Cancelled(Exception):
    """Unwinds the walk."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: both paths, without leading slashes; empty for the root."""

    plain: bytes
    cipher: bytes

    def below(self, name: bytes, cname: bytes) -> _Place:
        plain = self.plain + b"/" + name if self.plain else name
        return _Place(plain, self.cipher + b"/" + cname if self.cipher else cname)


class _Check:
    def __init__(
        self,
        volume: Volume,
        on_progress: OnProgress,
        on_damage: OnDamage,
        cancelled: Callable[[], bool],
    ) -> None:
        self._content = volume.content
        self._names = volume.names
        self._symlinks = symlinks_of(volume)
        self._on_progress = on_progress
        self._on_damage = on_damage
        self._cancelled = cancelled
        self._files = self._bytes = self._corrupt = self._skipped = 0
        self._seen: set[tuple[int, int]] = set()
        """Files with several names that were read already."""
        self._told = 0.0

    def run(self, root_fd: int) -> CheckSummary:
        try:
            self._walk(root_fd)
        except _Cancelled:
            return self._summary(cancelled=True)
        return self._summary(cancelled=False)

    def _summary(self, *, cancelled: bool) -> CheckSummary:
        return CheckSummary(self._files, self._bytes, self._corrupt, self._skipped, cancelled)

    def _walk(self, root_fd: int) -> None:
        """Check directories depth first; one descriptor stays open for each level."""
        top = _Place(b"", b"")
        fd = os.open(b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root_fd)
        levels = [(fd, self._directory(fd, top))]
        try:
            while levels:
                fd, below = levels[-1]
                found = next(below, None)
                if found is None:
                    levels.pop()
                    os.close(fd)
                    continue
                place, cname = found
                try:
                    child = os.open(cname, _OPEN | os.O_DIRECTORY, dir_fd=fd)
                except OSError as error:
                    self._unreadable(place, error)
                    continue
                levels.append((child, self._directory(child, place)))
        finally:
            for fd, _below in levels:
                os.close(fd)

    def _directory(self, fd: int, place: _Place) -> Iterator[tuple[_Place, bytes]]:
        """Check a directory and what is in it, but yield the directories for the caller."""
        self._tick(place)
        self._xattrs(fd, place)
        try:
            iv = read_dir_iv(fd)
        except BadDirIv as error:
            self._damage(DamageKind.DIR_IV, place, f"the IV of this directory: {error}")
            return
        except OSError as error:
            self._unreadable(place, error)
            return
        try:
            entries = sorted(self._entries(fd, iv, place))
        except OSError as error:
            self._unreadable(place, error)
            return
        for name, cname in entries:
            entry = place.below(name, cname)
            try:
                status = os.stat(cname, dir_fd=fd, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    yield entry, cname
                else:
                    self._entry(fd, cname, status, entry)
            except OSError as error:
                self._unreadable(entry, error)

    def _entries(self, fd: int, iv: bytes, place: _Place) -> Iterator[tuple[bytes, bytes]]:
        for text in os.listdir(fd):
            cname = os.fsencode(text)
            if cname == DIR_IV_NAME or is_companion(cname):
                continue
            if cname == CONF_NAME and not place.cipher:
                continue
            if cname.startswith(REMOVED_IV_PREFIX):
                reason = "left by an interrupted rmdir; it may be deleted"
                self._damage(DamageKind.NAME, place.below(cname, cname), reason)
                continue
            try:
                full = read_companion(fd, cname, self._names) if is_long(cname) else cname
                yield self._names.decrypt(full, iv), cname
            except BadName as error:
                self._damage(DamageKind.NAME, place.below(cname, cname), error.reason)

    def _entry(self, fd: int, cname: bytes, status: os.stat_result, place: _Place) -> None:
        self._tick(place)
        if stat.S_ISLNK(status.st_mode):
            try:
                self._symlinks.open(os.readlink(cname, dir_fd=fd))
            except (BadName, CorruptBlock) as error:
                self._damage(DamageKind.SYMLINK, place, f"the target: {error.reason}")
        elif stat.S_ISREG(status.st_mode):
            key = (status.st_dev, status.st_ino)
            if status.st_nlink > 1:
                if key in self._seen:
                    return
                self._seen.add(key)
            file_fd = os.open(cname, _OPEN, dir_fd=fd)
            try:
                self._xattrs(file_fd, place)
                self._file(file_fd, place)
            finally:
                os.close(file_fd)

    def _file(self, fd: int, place: _Place) -> None:
        self._files += 1
        size = os.fstat(fd).st_size
        if size == 0:
            return
        try:
            file_id = parse_header(os.pread(fd, HEADER_BYTES, 0))
        except BadHeader as error:
            self._damage(DamageKind.CONTENT, place, f"the header: {error.reason}")
            return
        self._bytes += HEADER_BYTES
        bad: list[CorruptBlock] = []
        for first, ciphertext in self._runs(fd, size, place):
            self._bytes += len(ciphertext)
            try:
                self._content.open(first, file_id, ciphertext)
            except CorruptBlock:
                bad += self._bad_blocks(first, file_id, ciphertext)
        if bad:
            more = f"; {len(bad)} bad blocks in all" if len(bad) > 1 else ""
            self._damage(DamageKind.CONTENT, place, f"{bad[0]}{more}")

    def _runs(self, fd: int, size: int, place: _Place) -> Iterator[tuple[int, bytes]]:
        """Yield the runs of blocks that hold data, each with the number of its first block."""
        layout = self._content.layout
        step = layout.cipher_block
        full, short = divmod(size - HEADER_BYTES, step)
        at = HEADER_BYTES
        while at < size:
            self._tick(place)
            try:
                # A hole of the file system need not end where a block does.
                first = (os.lseek(fd, at, os.SEEK_DATA) - HEADER_BYTES) // step
            except OSError as error:
                # A hole up to the end; but a block that is short is no hole.
                if error.errno != errno.ENXIO or not short:
                    return
                first = full
            at = layout.cipher_offset(first)
            ciphertext = os.pread(fd, _RUN_BLOCKS * step, at)
            if not ciphertext:
                return
            yield first, ciphertext
            at += len(ciphertext)

    def _bad_blocks(self, first: int, file_id: bytes, ciphertext: bytes) -> list[CorruptBlock]:
        step = self._content.layout.cipher_block
        bad = []
        for index, at in enumerate(range(0, len(ciphertext), step)):
            try:
                self._content.open(first + index, file_id, ciphertext[at : at + step])
            except CorruptBlock as error:
                bad.append(error)
        return bad

    def _xattrs(self, fd: int, place: _Place) -> None:
        try:
            stored_names = [os.fsencode(text) for text in os.listxattr(fd)]
        except OSError:
            return  # a file system without attributes
        for stored in stored_names:
            if not stored.startswith(XATTR_PREFIX) or stored in ACL_NAMES:
                continue
            try:
                name = os.fsdecode(self._names.decrypt_xattr_name(stored))
            except BadName as error:
                reason = f"the attribute name {os.fsdecode(stored)}: {error.reason}"
                self._damage(DamageKind.XATTR, place, reason)
                continue
            try:
                open_value(self._content, self._names, os.getxattr(fd, stored))
            except CorruptBlock as error:
                self._damage(DamageKind.XATTR, place, f"the attribute {name}: {error.reason}")

    def _damage(self, kind: DamageKind, place: _Place, reason: str) -> None:
        self._corrupt += 1
        self._on_damage(kind, os.fsdecode(place.plain), os.fsdecode(place.cipher), reason)

    def _unreadable(self, place: _Place, error: OSError) -> None:
        self._skipped += 1
        reason = error.strerror or str(error)
        self._on_damage(
            DamageKind.UNREADABLE, os.fsdecode(place.plain), os.fsdecode(place.cipher), reason
        )

    def _tick(self, place: _Place) -> None:
        if self._cancelled():
            raise _Cancelled
        now = time.monotonic()
        if now - self._told >= _PROGRESS_EVERY_S:
            self._told = now
            self._on_progress(self._files, self._bytes, os.fsdecode(place.plain))
