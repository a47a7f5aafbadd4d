"""Deleting a vault's files: those of the volume and nothing else, its key first.

Only what looks as a volume's own is taken: by its name, by the first bytes of a file, by the IV in
a directory. What else lies there stays, and is told. Links are removed and never followed, and
no other file system is entered. Once the volume config is gone nobody can read what is left, so
that goes first; the IV of the root goes last, and shows a later attempt that this is a volume.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.format import conflictnames
from vaultui.format.blocks import HEADER_VERSION
from vaultui.format.names import (
    CONF_NAME,
    DIR_IV_BYTES,
    DIR_IV_NAME,
    LONG_PREFIX,
    NAME_SUFFIX,
    BadName,
    decode_padded,
    decode_raw,
)
from vaultui.linux.errnos import os_error
from vaultui.linux.mountinfo import mounts_below, mounts_of
from vaultui.model.language import Phrase
from vaultui.vaults.entry import VaultEntry

_CONTENT: Final = HEADER_VERSION.to_bytes(2, "big")
"""What every encrypted file that is not empty begins with: the version of its format."""
_LONG_NAME: Final = re.compile(re.escape(LONG_PREFIX) + rb"[A-Za-z0-9_-]{43}=?")
_TEMPORARY: Final = re.compile(rb"\.gocryptfs\..+\.[0-9a-f]{12}\.tmp", re.DOTALL)
"""What a writer leaves that was killed; see linux.durable."""
_CONF_COPY: Final = CONF_NAME + b".bak"
_BLOCK: Final = 16
_TOLD: Final = 5
_STEP: Final = 200
"""Entries between two reports: a hundredth of a second on a slow disk."""

Progress = Callable[[int], None]
"""Called with the number of entries that are gone, in the thread that takes them.

The first time is when the volume config is: from then on there is no way back.
"""


@dataclass(frozen=True)
class DeletionScope:
    """What deleting a vault takes away, or took away."""

    entries: int = 0
    """Files, links and directories, those of the volume's own counted."""
    bytes: int = 0
    left_count: int = 0
    left: tuple[str, ...] = ()
    """The first of what is not of the volume and stays, from the cipher directory on."""


@dataclass
class _Level:
    """A directory that is gone through."""

    name: bytes
    status: os.stat_result
    names: list[bytes]
    """What is still to be looked at, the last one first."""
    left_before: int = 0
    iv: os.stat_result | None = None


def refusal(entry: VaultEntry) -> Phrase | None:
    """Return why the files of a locked vault are not to be deleted, or None."""
    if entry.reverse:
        return Phrase("its directory is a plain one, with files that are not encrypted")
    if os.path.islink(entry.cipherdir):
        return Phrase("{path} is a link", path=entry.cipherdir)
    if not os.path.isdir(entry.cipherdir):
        return Phrase("{path} is not there", path=entry.cipherdir)
    real = os.path.realpath(entry.cipherdir)
    home = os.path.realpath(Path.home())
    if (home + "/").startswith(real.rstrip("/") + "/"):
        return Phrase("the home directory is in {path}", path=entry.cipherdir)
    inside = mounts_below(real)
    if inside:
        return Phrase("{path} is mounted in it", path=inside[0].mountpoint)
    served = mounts_of(entry.cipherdir) or mounts_of(real)
    if served:
        return Phrase("it is open at {path}", path=served[0].mountpoint)
    if not _is_volume(real):
        return Phrase("there is no volume config in {path}", path=entry.cipherdir)
    return None


def _is_volume(directory: str) -> bool:
    """Tell whether a directory has what every volume has; for an unfinished deletion, too."""
    own = (CONF_NAME.decode(), DIR_IV_NAME.decode())
    return any(os.path.isfile(os.path.join(directory, name)) for name in own)


class Deletion:
    """A look through a cipher directory, which can take away what is found."""

    def __init__(self, entry: VaultEntry, *, plain_names: bool, dir_ivs: bool) -> None:
        self._path = os.path.realpath(entry.cipherdir)
        self._plain_names = plain_names
        self._dir_ivs = dir_ivs
        self._removing = False
        self._on_progress: Progress = lambda _entries: None
        self._given_up = threading.Event()
        self._entries = self._bytes = self._left_count = 0
        self._left: list[str] = []
        self._device = 0

    def give_up(self) -> None:
        """Have `survey` or `remove` end soon, in another thread; what is gone is gone."""
        self._given_up.set()

    def survey(self) -> DeletionScope:
        """Return what `remove` would take away; changes nothing. Raises OSError."""
        return self._go(removing=False)

    def remove(self, on_progress: Progress = lambda _entries: None) -> DeletionScope:
        """Take away the volume, its config first; raises OSError where something can't be."""
        self._on_progress = on_progress
        return self._go(removing=True)

    def _go(self, *, removing: bool) -> DeletionScope:
        self._removing = removing
        self._entries = self._bytes = self._left_count = 0
        self._left = []
        root = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            self._device = os.fstat(root).st_dev
            confs = [name for name in map(os.fsencode, os.listdir(root)) if _is_conf(name)]
            for name in confs:
                self._take_conf(root, name)
            if removing:
                os.fsync(root)
                self._on_progress(self._entries)
            self._clear(root, passed_over=confs)
        finally:
            os.close(root)
        if removing and not self._left_count and not self._given_up.is_set():
            with suppress(OSError):  # a file system of its own, or made by somebody else
                os.rmdir(self._path)
        return DeletionScope(self._entries, self._bytes, self._left_count, tuple(self._left))

    def _take_conf(self, root: int, name: bytes) -> None:
        status = os.stat(name, dir_fd=root, follow_symlinks=False)
        if self._removing and stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            # The wrapped key should not be found on the disk afterwards either. Another name
            # of the file would be a copy that somebody made for themselves.
            _overwrite(name, status.st_size, root)
        self._take(root, name, status)

    def _clear(self, root: int, passed_over: Sequence[bytes] = ()) -> None:
        """Go through a directory: what is below first, its IV last, and then the directory.

        With two descriptors, however deep it goes. A directory that is moved meanwhile would be
        left for another one than it was entered from: that ends it, by OSError.
        """
        levels = [_Level(b"", os.fstat(root), _names(root, passed_over))]
        directory = os.dup(root)
        try:
            while not self._given_up.is_set():
                level = levels[-1]
                if level.names:
                    found = self._look_at(directory, levels)
                    if found is not None:
                        os.close(directory)
                        directory = found
                    continue
                if level.iv is not None:
                    self._take(directory, DIR_IV_NAME, level.iv)
                levels.pop()
                if not levels:
                    return
                outer = _open_parent(directory, levels[-1].status)
                os.close(directory)
                directory = outer
                if self._left_count == level.left_before:
                    self._take(directory, level.name, level.status)
        finally:
            os.close(directory)

    def _look_at(self, directory: int, levels: list[_Level]) -> int | None:
        """Take or leave the next entry; a directory to go into becomes a level, and is returned."""
        level = levels[-1]
        name = level.names.pop()
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            return None  # a sync client was faster
        if name == DIR_IV_NAME and status.st_size == DIR_IV_BYTES:
            level.iv = status
        elif stat.S_ISDIR(status.st_mode):
            fd = self._enter(directory, name, status)
            if fd is not None:
                levels.append(_Level(name, os.fstat(fd), _names(fd), self._left_count))
                return fd
            self._leave(levels, name)
        elif self._is_ours(directory, name, status):
            self._take(directory, name, status)
        else:
            self._leave(levels, name)
        return None

    def _enter(self, parent: int, name: bytes, status: os.stat_result) -> int | None:
        """Return a descriptor of a directory of the volume's own; None for any other."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        if status.st_dev != self._device or not self._is_name(name):
            return None
        fd = os.open(name, flags, dir_fd=parent)
        try:
            if self._has_iv(fd):
                if self._removing and status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
                    with suppress(PermissionError):  # somebody else's; the removal will tell
                        os.fchmod(fd, stat.S_IRWXU)
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        return None

    def _has_iv(self, directory: int) -> bool:
        """Tell whether a directory has the IV that those of the volume have.

        An empty one is what a deletion leaves that was given up between the IV and it.
        """
        if not self._dir_ivs:
            return True
        names = os.listdir(directory)
        return not names or os.fsdecode(DIR_IV_NAME) in names

    def _take(self, directory: int, name: bytes, status: os.stat_result) -> None:
        if self._removing:
            with suppress(FileNotFoundError):  # a sync client was faster
                if stat.S_ISDIR(status.st_mode):
                    os.rmdir(name, dir_fd=directory)
                else:
                    os.unlink(name, dir_fd=directory)
        self._entries += 1
        self._bytes += status.st_size if stat.S_ISREG(status.st_mode) else 0
        if self._entries % _STEP == 0:
            self._on_progress(self._entries)

    def _leave(self, levels: Sequence[_Level], name: bytes) -> None:
        self._left_count += 1
        if len(self._left) < _TOLD:
            path = os.path.join(*(level.name for level in levels), name)
            self._left.append(os.fsdecode(path))

    def _is_ours(self, directory: int, name: bytes, status: os.stat_result) -> bool:
        if _TEMPORARY.fullmatch(name) or _is_copy_of(DIR_IV_NAME, name):
            return True
        if name.endswith(NAME_SUFFIX) and _LONG_NAME.fullmatch(name.removesuffix(NAME_SUFFIX)):
            return True
        if not self._is_name(name) and conflictnames.parse(name) is None:
            return False
        return not stat.S_ISREG(status.st_mode) or _is_content(directory, name, status)

    def _is_name(self, name: bytes) -> bool:
        """Tell whether an entry of the volume can have this name."""
        if self._plain_names:
            return True
        return _LONG_NAME.fullmatch(name) is not None or _is_encrypted(name)


def _names(directory: int, but: Sequence[bytes] = ()) -> list[bytes]:
    """Return the names in a directory, in reverse order."""
    return sorted(set(map(os.fsencode, os.listdir(directory))).difference(but), reverse=True)


def _open_parent(directory: int, expected: os.stat_result) -> int:
    """Return a descriptor of the directory above; raises OSError where that is another one."""
    fd = os.open("..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    if not os.path.samestat(os.fstat(fd), expected):
        os.close(fd)
        raise os_error(errno.ESTALE)
    return fd


def _is_conf(name: bytes) -> bool:
    """Tell whether a name in the root is one of the config, or of a copy that opens as well."""
    return name in (CONF_NAME, _CONF_COPY) or _is_copy_of(CONF_NAME, name)


def _is_copy_of(original: bytes, name: bytes) -> bool:
    copy = conflictnames.parse(name)
    return copy is not None and copy.original == original


def _is_encrypted(name: bytes) -> bool:
    for decode in (decode_raw, decode_padded):
        with suppress(BadName):
            size = len(decode(name))
            return size > 0 and size % _BLOCK == 0
    return False


def _is_content(directory: int, name: bytes, status: os.stat_result) -> bool:
    """Tell whether a file begins as an encrypted one; one that can't be read may do so."""
    if status.st_size == 0:
        return True
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        fd = os.open(name, flags, dir_fd=directory)
    except (PermissionError, FileNotFoundError):  # gone: a sync client was faster
        return True
    try:
        return os.pread(fd, len(_CONTENT), 0) == _CONTENT
    finally:
        os.close(fd)


def _overwrite(name: bytes, size: int, directory: int) -> None:
    with suppress(PermissionError):
        os.chmod(name, 0o600, dir_fd=directory)
    fd = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        os.pwrite(fd, bytes(size), 0)
        os.fsync(fd)
    finally:
        os.close(fd)
