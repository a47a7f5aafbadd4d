"""Signals as something to wait for beside descriptors: what came is read, one after the other."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from typing import Self


class SignalPipe:
    """From now on `numbers` do nothing but to be told by `arrived`. One in a process."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in numbers:
            # A handler that does nothing, and not SIG_IGN, which children would inherit.
            signal.signal(number, lambda _number, _frame: None)

    def fileno(self) -> int:
        """Return a descriptor that is readable when a signal came."""
        return self._reading

    def arrived(self) -> bytes:
        """Return the numbers of what came since the last call, in that order."""
        found = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(self._reading, 1 << 12):
                found += piece
        return found

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._reading)
        os.close(self._writing)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
