"""When nobody has used the vault for long enough: two clocks with one face.

`IdleClock` is ours: reading, writing, opening, listing and changing are use, and so is an
open file; looking at names and attributes is not. It counts the time that the machine
slept. `CycleClock` is gocryptfs's monitor, for a program that is started under
gocryptfs's name: it counts checks, and any request that names a path is use.

Both are plain arithmetic on the counters of the data plane. Who waits, and what happens
when the time has come, is the control plane's business.
"""

from __future__ import annotations

import math
from typing import Final, Protocol

from vaultui.mountd.activity import Activity

LONGEST_PERIOD_S: Final = 120.0
"""At most so long between two checks; the machine may have slept in between."""
_PERIODS_PER_TIMEOUT: Final = 4


class Clock(Protocol):
    """What the control plane asks. Times are seconds on CLOCK_BOOTTIME."""

    timeout: float
    paused: bool
    held: bool
    """Somebody needs the vault open, whether it is used or not."""

    def check(self, now: float) -> float:
        """Look at the counters; return seconds until the next check, 0 when time is up."""

    def left(self, now: float) -> float | None:
        """Return seconds until the lock; None while nothing runs down."""

    def reset(self, now: float) -> None:
        """Start again, because the vault could not be locked."""

    def extend(self, now: float, seconds: float) -> None:
        """See to it that at least `seconds` pass from now."""


def period(timeout: float) -> float:
    """Return the longest time between two checks, in seconds."""
    return min(timeout / _PERIODS_PER_TIMEOUT, LONGEST_PERIOD_S)


class IdleClock:
    """Time since the last use, as PROCESSES of vaultui means it."""

    def __init__(self, timeout: float, activity: Activity, now: float) -> None:
        """`timeout` in seconds; 0 for a clock that never runs out."""
        self.timeout = timeout
        self.paused = False
        self.held = False
        self._activity = activity
        self._start = now
        self._not_before = now

    def check(self, now: float) -> float:
        if self._activity.open_files or self.held:
            self._start = now
        left = self.left(now)
        if left is None:
            return period(self.timeout)
        return min(left, period(self.timeout))

    def left(self, now: float) -> float | None:
        if not self.timeout or self.paused or self.held or self._activity.open_files:
            return None
        since = max(self._start, self._activity.last_use)
        return max(0.0, since + self.timeout - now, self._not_before - now)

    def reset(self, now: float) -> None:
        self._start = now

    def extend(self, now: float, seconds: float) -> None:
        self._not_before = max(self._not_before, now + seconds)


class CycleClock:
    """gocryptfs's idle monitor: so many quiet checks in a row."""

    def __init__(self, timeout: float, activity: Activity, now: float) -> None:
        self.timeout = timeout
        self.paused = False
        self.held = False
        self._activity = activity
        self._period = period(timeout)
        self._cycles = math.ceil(timeout / self._period)
        # The first check always finds the vault in use, so that the mount itself counts.
        self._seen = -1
        self._quiet = 0
        self._next = now
        self._not_before = now

    def check(self, now: float) -> float:
        used = self._activity.path_operations != self._seen or self._activity.open_files > 0
        self._seen = self._activity.path_operations
        self._quiet = 0 if used or self.paused or self.held else self._quiet + 1
        self._next = now + self._period
        if self._quiet >= self._cycles and now >= self._not_before:
            return 0.0
        return self._period

    def left(self, now: float) -> float | None:
        if self.paused or self.held or self._activity.open_files:
            return None
        quiet = self._next - now + self._period * (self._cycles - self._quiet - 1)
        return max(0.0, quiet, self._not_before - now)

    def reset(self, now: float) -> None:
        self._quiet = 0
        self._not_before = now

    def extend(self, now: float, seconds: float) -> None:
        self._not_before = max(self._not_before, now + seconds)
