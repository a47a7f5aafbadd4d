"""The idle lock: it watches the clock, announces the end, and locks."""

from __future__ import annotations

from typing import Final

import trio

from vaultui.linux.boottimer import BootTimer
from vaultui.model.errors import MountBusy
from vaultui.mountd.activity import boottime
from vaultui.mountd.control.holderwords import holders_in
from vaultui.mountd.control.locker import Locker
from vaultui.mountd.control.notices import Notices
from vaultui.mountd.control.served import Served
from vaultui.wire.control import EventKind

WARNED_PAUSE_S: Final = 1.0
"""Between two looks after a warning: who uses the vault then wants to see it gone."""


class IdleLock:
    def __init__(self, served: Served, locker: Locker, notices: Notices) -> None:
        self._served = served
        self._locker = locker
        self._notices = notices
        self._warned = False

    async def watch(self) -> None:
        """Return when the vault is locked."""
        # The event loop's clock stops while the machine sleeps: a lock that came due meanwhile
        # is due as it wakes, and not some minutes later.
        with BootTimer() as timer:
            while True:
                pause = self._served.clock.check(boottime())
                if pause > 0:
                    timer.set(self._announce(pause))
                    await trio.lowlevel.wait_readable(timer)
                    continue
                try:
                    await self._locker.lock("idle")
                except MountBusy as busy:
                    self._not_locked(holders_in(busy))
                else:
                    return

    def _announce(self, pause: float) -> float:
        """Tell that the lock is near, or no longer; return how long to wait, at most `pause`."""
        warning = self._served.idle_warning_s
        left = self._served.clock.left(boottime())
        if not warning:
            return pause
        if left is None or left > warning:
            if self._warned:
                self._warned = False
                self._notices.idle_over()
            return pause if left is None else min(pause, left - warning)
        if not self._warned:
            self._warned = True
            self._served.events.add(EventKind.IDLE_WARNING, detail=f"{left:.0f} s")
            self._notices.idle_warning(left)
        return min(pause, WARNED_PAUSE_S)

    def _not_locked(self, holders: str) -> None:
        served = self._served
        self._warned = False
        self._notices.idle_over()
        self._notices.stays_open("idle", holders)
        served.busy_reason = f"held by {holders}"
        served.clock.reset(boottime())
        served.events.add(EventKind.IDLE_RESET, detail=served.busy_reason)
