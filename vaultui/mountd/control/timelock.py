"""Locking at a set time, whoever uses the vault then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Final

import trio

from vaultui.linux.boottimer import BootTimer
from vaultui.model.errors import MountBusy
from vaultui.mountd.activity import boottime
from vaultui.mountd.control.locker import Locker
from vaultui.mountd.control.notices import Notices
from vaultui.mountd.control.served import Served
from vaultui.wire.control import EventKind

REASON: Final = "time"


class TimeLock:
    """Warns before the time is over, and then locks: politely, by ending who uses the vault, and
    at last out of sight."""

    def __init__(
        self,
        served: Served,
        locker: Locker,
        notices: Notices,
        nursery: trio.Nursery,
        end: Callable[[], None],
    ) -> None:
        """`end` ends serving, whatever is open."""
        self._served = served
        self._locker = locker
        self._notices = notices
        self._nursery = nursery
        self._end = end
        self._watching = trio.CancelScope()

    def set(self, closes_at: float) -> None:
        """Lock at a time in seconds since the epoch; 0 for never."""
        self._watching.cancel()
        self._notices.time_over()
        self._served.deadline = boottime() + closes_at - time.time() if closes_at else 0.0
        if closes_at:
            self._watching = trio.CancelScope()
            self._nursery.start_soon(self._watch, self._watching, self._served.deadline)

    def put_off(self, seconds: float) -> None:
        """Lock so much later than was set."""
        left = max(0.0, self._served.deadline - boottime())
        self.set(time.time() + left + seconds)

    async def _watch(self, scope: trio.CancelScope, deadline: float) -> None:
        with scope, BootTimer() as timer:
            left = deadline - boottime()
            if warning := min(self._served.spec.idle_warning_s, left / 2):
                timer.set(left - warning)
                await trio.lowlevel.wait_readable(timer)
                # A machine that slept meanwhile wakes when there is nothing left to warn of.
                if (left := deadline - boottime()) > 0:
                    self._served.events.add(EventKind.TIME_WARNING, detail=f"{left:.0f} s")
                    self._notices.time_warning(left)
            timer.set(deadline - boottime())
            await trio.lowlevel.wait_readable(timer)
            await self._lock()

    async def _lock(self) -> None:
        try:
            await self._locker.kill_and_lock(REASON)
        except MountBusy:
            with contextlib.suppress(MountBusy):  # mounted over: it ends below that
                await self._locker.lock(REASON, lazy=True)
            self._end()
