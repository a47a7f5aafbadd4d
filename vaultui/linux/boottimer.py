"""A timer that goes on while the machine sleeps, and fires as it wakes; timerfd_create(2)."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Final, Self

from vaultui.linux import libc

_NANO: Final = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


_create = libc.function("timerfd_create", ctypes.c_int, ctypes.c_int)
_settime = libc.function(
    "timerfd_settime", ctypes.c_int, ctypes.c_int, ctypes.POINTER(_Itimerspec), ctypes.c_void_p
)


class BootTimer:
    """Its descriptor is readable when the time is up, until it is set again."""

    def __init__(self) -> None:
        self._fd = _create(time.CLOCK_BOOTTIME, os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        return self._fd

    def set(self, seconds: float) -> None:
        """Fire once, in so many seconds; at once where that is not positive."""
        # A time of zero would switch it off.
        whole, rest = divmod(max(1, round(seconds * _NANO)), _NANO)
        wanted = _Itimerspec(_Timespec(0, 0), _Timespec(whole, rest))
        _settime(self._fd, 0, wanted, None)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
