"""Files of a volume's own in a directory: its IV, and the companions of hashed entries."""

from __future__ import annotations

import contextlib
import errno
import os
from typing import Final

from vaultui.crypto.filename import BadName, Names
from vaultui.format.names import (
    DIR_IV_BYTES,
    DIR_IV_NAME,
    LONG_COMPANION_MAX,
    LONG_PREFIX,
    companion,
    is_companion,
)
from vaultui.linux.atcalls import write_back
from vaultui.linux.errnos import os_error

REMOVED_IV_PREFIX: Final = DIR_IV_NAME + b".rmdir."
"""Where gocryptfs keeps an IV in the parent while its directory is removed."""

MODE: Final = 0o444
"""Of all these files: once written, they stay as they are."""

_STAGING_BYTES: Final = 8
_STAGING_LENGTH: Final = len(companion(LONG_PREFIX)) + 2 * _STAGING_BYTES

_NO_FAULT_OF_STORAGE: Final = frozenset({errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EACCES})
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class NoCompanion(BadName):
    """A hashed entry without the file that keeps its name."""

    def __init__(self) -> None:
        super().__init__("its .name file is missing")


class UnreadableName(BadName):
    """The storage did not give out the name of a hashed entry, which may be well."""


class BadDirIv(Exception):
    """The IV of a directory is missing or damaged: no name in it can be read."""


def read_dir_iv(directory_fd: int, name: bytes = DIR_IV_NAME) -> bytes:
    """Return the IV of a directory, or one of another `name` in it; raises BadDirIv."""
    try:
        data = _read_small(directory_fd, name, DIR_IV_BYTES + 1)
    except FileNotFoundError:
        raise BadDirIv("it is missing") from None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EISDIR):
            raise
        raise BadDirIv("it is a symbolic link or a directory") from None
    if len(data) != DIR_IV_BYTES:
        raise BadDirIv(f"it has {len(data)} of {DIR_IV_BYTES} bytes")
    if not any(data):
        raise BadDirIv("it is all zeros")
    return data


def new_dir_iv() -> bytes:
    """Return a random IV; all zeros, which nobody takes for one, it never is."""
    iv = os.urandom(DIR_IV_BYTES)
    while not any(iv):
        iv = os.urandom(DIR_IV_BYTES)
    return iv


def write_dir_iv(directory_fd: int) -> None:
    """Give a directory that has none a random IV."""
    _write_new(directory_fd, DIR_IV_NAME, new_dir_iv())


def staging_name() -> bytes:
    """Return a new name for what is being made or removed.

    It looks like that of a companion, which neither we nor gocryptfs show to anybody.
    """
    return companion(LONG_PREFIX + os.urandom(_STAGING_BYTES).hex().encode())


def is_staging_name(cname: bytes) -> bool:
    """Tell whether a crash may have left the entry while it was made or removed.

    It is an empty directory or an IV then. Hashes are longer.
    """
    return is_companion(cname) and len(cname) == _STAGING_LENGTH


def read_companion(directory_fd: int, hashed: bytes, names: Names) -> bytes:
    """Return the full encrypted name of the hashed entry; raises BadName.

    A companion that belongs to another hash is refused: by it, whoever can write to the
    cipher directory could give a file the name of another. UnreadableName is for storage that
    fails, and not for what somebody has put in the place of a companion.
    """
    try:
        full = _read_small(directory_fd, companion(hashed), LONG_COMPANION_MAX + 1)
    except FileNotFoundError:
        raise NoCompanion from None
    except OSError as error:
        kind = BadName if error.errno in _NO_FAULT_OF_STORAGE else UnreadableName
        raise kind(f"its .name file cannot be read ({error.strerror})") from None
    if names.hash_long_name(full) != hashed:
        raise BadName("its .name file belongs to another name")
    return full


def write_companion(directory_fd: int, hashed: bytes, full: bytes) -> bool:
    """Make sure of the companion of a hashed entry; return whether it is new.

    It gets its name when its content is on the way to the disk, so that of those who are killed
    few leave one that names nothing. One with other content was left by a crash: nothing can
    have had this name, and it is replaced.
    """
    beside = companion(hashed)
    with contextlib.suppress(FileNotFoundError):
        if _read_small(directory_fd, beside, LONG_COMPANION_MAX + 1) == full:
            return False
    staged = staging_name()
    _write_new(directory_fd, staged, full)
    try:
        os.rename(staged, beside, src_dir_fd=directory_fd, dst_dir_fd=directory_fd)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(staged, dir_fd=directory_fd)
        raise
    return True


def _read_small(directory_fd: int, name: bytes, limit: int) -> bytes:
    """Return the first `limit` bytes of a small file in a directory."""
    fd = os.open(name, _READ, dir_fd=directory_fd)
    try:
        return os.read(fd, limit)
    finally:
        os.close(fd)


def _write_new(directory_fd: int, name: bytes, data: bytes) -> None:
    """Make a small file, whole or not at all, and wait until it was handed to the disk.

    That takes one write, and no flush; whatever depends on the file is made after it.
    """
    fd = os.open(name, _NEW, MODE, dir_fd=directory_fd)
    try:
        try:
            done = os.write(fd, data)
            if done < len(data):
                os.write(fd, data[done:])  # brings out what stopped the first
                raise os_error(errno.ENOSPC)
            with contextlib.suppress(OSError):  # a file system that can't: fsync comes later
                write_back(fd)
        finally:
            os.close(fd)  # which may be when a server says that there is no room
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=directory_fd)
        raise
