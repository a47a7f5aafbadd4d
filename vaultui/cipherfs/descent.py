"""The way from the root of a tree down to where a walk is, with few directories open.

A tree may be deeper than a process may have descriptors, and its paths longer than a system
call takes. So only the last levels stay open; on the way back the directory above is opened
again through `..`, and is believed only if it is the inode that it was.
"""

from __future__ import annotations

import os
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_OPEN_LEVELS: Final = 32
"""Enough for nearly every tree to be walked without opening a directory twice."""


class _Level(Generic[T]):
    __slots__ = ("fd", "key", "what")

    def __init__(self, fd: int, what: T) -> None:
        self.fd = fd
        self.what = what
        status = os.fstat(fd)
        self.key = (status.st_dev, status.st_ino)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


class Descent(Generic[T]):
    """A stack of directories, each with something of the walker's; false when it is empty."""

    def __init__(self) -> None:
        self._levels: list[_Level[T]] = []

    def __bool__(self) -> bool:
        return bool(self._levels)

    @property
    def here(self) -> tuple[int, T]:
        """The last directory's descriptor and what was given with it.

        The descriptor is -1 if somebody moved the directory while the walk was below it.
        """
        return self._levels[-1].fd, self._levels[-1].what

    def down(self, fd: int, what: T) -> None:
        """Go into a directory, whose descriptor becomes ours to close."""
        self._levels.append(_Level(fd, what))
        if len(self._levels) > _OPEN_LEVELS:
            self._levels[-1 - _OPEN_LEVELS].close()

    def up(self) -> None:
        """Leave the last directory for the one above."""
        left = self._levels.pop()
        try:
            if self._levels and self._levels[-1].fd < 0 <= left.fd:
                self._levels[-1].fd = _open_above(left.fd, self._levels[-1].key)
        finally:
            left.close()

    def close(self) -> None:
        """Give all descriptors back."""
        while self._levels:
            self._levels.pop().close()


def _open_above(fd: int, key: tuple[int, int]) -> int:
    """Return a descriptor of the directory above `fd`, or -1 if that is not the inode `key`."""
    try:
        above = os.open(b"..", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
    except OSError:
        return -1
    status = os.fstat(above)
    if (status.st_dev, status.st_ino) == key:
        return above
    os.close(above)
    return -1
