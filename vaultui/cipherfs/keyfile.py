"""Key files: any file, whose content is a key."""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from vaultui.cipherfs.conffile import Path
from vaultui.crypto.hazmat import kdf
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import KeyFileUnusable
from vaultui.model.language import N_, Phrase
from vaultui.model.secret import Secret

MAX_BYTES: Final = 16 << 20
"""A photo fits in. What is larger is refused, and not read in part: two files that begin alike
must not be one key."""
_PIECE: Final = 1 << 16
_DIRECTORY: Final = "it is a directory"


def check(path: Path) -> None:
    """Raise KeyFileUnusable where `read` would, as far as that can be told without reading.

    What is no ordinary file is not opened: whoever writes into a pipe would take that for its
    reader.
    """
    shown = os.fsdecode(path)
    try:
        status = os.stat(path)
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise KeyFileUnusable(path=shown, reason=reason_of(error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise KeyFileUnusable(path=shown, reason=_DIRECTORY)
    if stat.S_ISREG(status.st_mode):
        _check_size(status.st_size, shown)


def read(path: Path) -> Secret:
    """Return what a key file stands for: the SHA-256 of its content.

    Raises KeyFileUnusable for a file that is empty, too large or can't be read.
    """
    shown = os.fsdecode(path)
    try:
        # A FIFO without a writer must not hang us; a pipe with one, as of a shell, is read.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeyFileUnusable(path=shown, reason=reason_of(error)) from error
    try:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise KeyFileUnusable(path=shown, reason=_DIRECTORY)
        os.set_blocking(fd, True)
        return _digest(fd, shown)
    except OSError as error:
        raise KeyFileUnusable(path=shown, reason=reason_of(error)) from error
    finally:
        os.close(fd)


def _digest(fd: int, shown: str) -> Secret:
    hashing = kdf.Sha256()
    size = 0
    piece = bytearray(_PIECE)
    try:
        while got := os.readv(fd, [piece]):
            size += got
            if size > MAX_BYTES:
                break
            with memoryview(piece) as view:
                hashing.update(view[:got])
    finally:
        piece[:] = bytes(len(piece))
    _check_size(size, shown)
    return hashing.finish()


def _check_size(size: int, shown: str) -> None:
    if not size:
        raise KeyFileUnusable(path=shown, reason=N_("it is empty"))
    if size > MAX_BYTES:
        raise KeyFileUnusable(
            path=shown, reason=Phrase("it has more than {limit} MiB", limit=MAX_BYTES >> 20)
        )
