"""What every process does that stays: signals become readable, and the rest is closed."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from typing import Final

from vaultui.shim.descriptors import open_descriptors

UNHEEDED: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
"""Meant for others: what a terminal sends, and what tells that a mount is ready."""


class SignalPipe:
    """Signals as bytes on a descriptor, for a process that waits in poll(2)."""

    def __init__(self, numbers: Collection[int]) -> None:
        """Catch these from now on."""
        self._reading, self._writing = os.pipe()
        for fd in self.fds:
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        # A handler that does nothing, and not SIG_IGN, which children would inherit.
        for number in numbers:
            signal.signal(number, lambda _number, _frame: None)

    @property
    def fds(self) -> tuple[int, int]:
        """Both ends, to be kept open."""
        return self._reading, self._writing

    def fileno(self) -> int:
        return self._reading

    def taken(self) -> frozenset[int]:
        """Return the signals that came since the last call."""
        try:
            return frozenset(os.read(self._reading, 1 << 16))
        except BlockingIOError:
            return frozenset()


def close_all_but(kept: Collection[int]) -> None:
    """Close every other descriptor; 0, 1 and 2 become /dev/null unless they are kept.

    The pipes of others must end with those that they are for.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        if fd not in kept:
            os.dup2(null, fd)
    for fd in open_descriptors():
        if fd > 2 and fd not in kept:
            os.close(fd)
