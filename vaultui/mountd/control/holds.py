"""Processes that the vault is kept open for: the keepers of tasks, mostly.

A hold lasts as long as its process, which a pidfd tells: nobody who is killed leaves one behind.
A vault that was opened for the time of its holds alone is locked when the last of them has ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import trio

from vaultui.linux import process
from vaultui.mountd.activity import boottime
from vaultui.mountd.control.served import Served
from vaultui.wire.control import EventKind, Hold


class Holds:
    """Keeps `Served.holds`, and what the idle clock knows of them."""

    def __init__(
        self, served: Served, nursery: trio.Nursery, on_last_end: Callable[[], None]
    ) -> None:
        """`on_last_end` is called when the last hold of a temporary vault has ended."""
        self._served = served
        self._nursery = nursery
        self._on_last_end = on_last_end
        self._watches: dict[Hold, trio.CancelScope] = {}

    def add(self, hold: Hold) -> None:
        """Keep the vault open until the process has ended, or until `release`."""
        if hold in self._watches:
            return
        self._tell(EventKind.HOLD_BEGAN, hold)
        self._served.holds.append(hold)
        self._served.clock.held = True
        scope = self._watches[hold] = trio.CancelScope()
        try:
            pidfd = process.open_pidfd(hold.pid, hold.start)
        except ProcessLookupError:
            self.release(hold)
        else:
            self._nursery.start_soon(self._watch, hold, pidfd, scope)

    def release(self, hold: Hold) -> None:
        """End a hold, whether its process goes on or not."""
        if (scope := self._watches.pop(hold, None)) is None:
            return
        scope.cancel()
        served = self._served
        served.holds.remove(hold)
        self._tell(EventKind.HOLD_ENDED, hold)
        if not served.holds:
            served.clock.held = False
            served.clock.reset(boottime())
            if served.temporary:
                self._on_last_end()

    async def _watch(self, hold: Hold, pidfd: int, scope: trio.CancelScope) -> None:
        try:
            with scope:
                await trio.lowlevel.wait_readable(pidfd)
                self.release(hold)
        finally:
            os.close(pidfd)

    def _tell(self, kind: EventKind, hold: Hold) -> None:
        """Say that a hold begins or ends, but not that one takes over from another."""
        if all(other.title != hold.title for other in self._served.holds):
            self._served.events.add(kind, detail=hold.title)
