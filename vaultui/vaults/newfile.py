"""Files that hold a key: made new, for nobody else to read, and gone again if it was in vain."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import FileNotMade
from vaultui.model.secret import Secret
from vaultui.vaults.paths import absolute

_KEY_BYTES: Final = 64
"""Twice what a key of a volume has; the backend makes one of whatever is in the file."""


class NewFile:
    """A file that was just made, being written."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd

    def write(self, piece: str | memoryview) -> None:
        """Append text or bytes; raises FileNotMade."""
        left = memoryview(piece.encode()) if isinstance(piece, str) else piece
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            raise FileNotMade(path=self.path, reason=reason_of(error)) from error

    def finish(self) -> None:
        """Return when the content, and the file in its directory, are on the disk."""
        try:
            os.fsync(self._fd)
            directory = os.open(os.path.dirname(self.path), os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)
        except OSError as error:
            raise FileNotMade(path=self.path, reason=reason_of(error)) from error


@contextmanager
def new_file(path: str) -> Iterator[NewFile]:
    """Make a file, 0600, and remove it again where the block fails.

    What is there already, a link too, is left alone. Raises FileNotMade.
    """
    place = absolute(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(place, flags, 0o600)
    except OSError as error:
        raise FileNotMade(path=place, reason=reason_of(error)) from error
    try:
        yield NewFile(place, fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(place)
        raise
    finally:
        os.close(fd)


@contextmanager
def new_key_file(path: str) -> Iterator[str]:
    """Make a key file of random bytes, and yield its path; it goes where the block fails."""
    with new_file(path) as file, Secret(bytearray(_KEY_BYTES)) as content:
        source = os.open("/dev/urandom", os.O_RDONLY | os.O_CLOEXEC)
        try:
            with content.view as view:
                # The kernel gives up to 256 bytes at once; random(4).
                os.readv(source, [view])
                file.write(view)
        finally:
            os.close(source)
        file.finish()
        yield file.path
