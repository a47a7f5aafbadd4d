"""Being told when something in a directory changed; inotify(7)."""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Final, Self

from vaultui.linux import libc

_IN_MODIFY: Final = 0x2
_IN_ATTRIB: Final = 0x4
_IN_CLOSE_WRITE: Final = 0x8
_IN_MOVED_FROM: Final = 0x40
_IN_MOVED_TO: Final = 0x80
_IN_CREATE: Final = 0x100
_IN_DELETE: Final = 0x200
_IN_ONLYDIR: Final = 0x01000000

CHANGES: Final = (
    _IN_MODIFY
    | _IN_ATTRIB
    | _IN_CLOSE_WRITE
    | _IN_MOVED_FROM
    | _IN_MOVED_TO
    | _IN_CREATE
    | _IN_DELETE
)

_init = libc.function("inotify_init1", ctypes.c_int)
_add_watch = libc.function("inotify_add_watch", ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)


class DirectoryWatch:
    """Its descriptor is readable when something in one of its directories has changed.

    It tells that, not what: whoever is woken looks for itself, so lost events do no harm.
    """

    def __init__(self) -> None:
        self._fd = _init(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._fd

    def add(self, directory: str | os.PathLike[str]) -> bool:
        """Watch `directory`, not what is below it; return False where that is not possible.

        Adding one twice changes nothing.
        """
        try:
            _add_watch(self._fd, os.fsencode(directory), CHANGES | _IN_ONLYDIR)
        except OSError:
            return False
        return True

    def consume(self) -> bool:
        """Take note of the changes so far, readable again only after the next one.

        Return whether there were any.
        """
        changed = False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._fd, 1 << 16):
                changed = True
        return changed

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
