"""Numbers for what the kernel holds open."""

from __future__ import annotations

import errno
from typing import TypeVar

from vaultui.linux.errnos import os_error
from vaultui.model.ids import Handle

H = TypeVar("H")


class Handles(dict[int, H]):
    """Open handles by number. A number that is not among them is EBADF, at no cost otherwise."""

    def __init__(self) -> None:
        super().__init__()
        self._last = 0

    def __missing__(self, handle: int) -> H:
        raise os_error(errno.EBADF)

    def add(self, opened: H) -> Handle:
        """Return a new handle for `opened`."""
        self._last += 1
        self[self._last] = opened
        return Handle(self._last)

    def take(self, handle: int) -> H:
        """Return what the handle stands for, and forget the handle."""
        found = self[handle]
        del self[handle]
        return found
