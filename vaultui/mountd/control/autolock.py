"""Locking by itself: occasions that the desktop tells of, and a lock that waits.

An occasion lasts from its beginning to its end, from the lock of the screen to its unlock. A
request to lock as soon as nobody uses the vault is one that has no end. What happens while
somebody uses the vault is the vault's policy, `WhenBusy`; that it stayed open is told when the
occasion is over, or at once where nothing more is tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import trio

from vaultui.model.errors import MountBusy
from vaultui.mountd.control.holderwords import holders_in
from vaultui.mountd.control.locker import Locker
from vaultui.mountd.control.notices import Notices
from vaultui.mountd.control.served import Served
from vaultui.wire.autolock import GuardState, LockOn, WhenBusy
from vaultui.wire.control import EventKind

REQUEST: Final = "request"
AFTER_TASKS: Final = "task"
SAME_S: Final = 10.0
"""What is noticed again so soon is the same occasion, told by another source. Later it is a new
one: the end of the one before was missed."""


class AutoLock:
    """The Occasions of a mount, and whoever waits for it to be free."""

    def __init__(
        self, served: Served, locker: Locker, notices: Notices, nursery: trio.Nursery
    ) -> None:
        self._served = served
        self._locker = locker
        self._notices = notices
        self._nursery = nursery
        self._lasting: dict[LockOn | str, _Occasion] = {}

    def begin(self, on: LockOn, reason: str) -> trio.Event:
        return self._begin(on, reason, self._served.spec.when_busy).settled

    def end(self, on: LockOn) -> None:
        over = self._end(on)
        if over is not None and over.waits:
            self._notices.stays_open(over.reason, over.holders)

    def guard(self, source: str, on: LockOn, state: GuardState, reason: str = "") -> None:
        self._served.guards.tell(source, on.value, state, reason)

    async def lock_when_free(self) -> bool:
        """Lock now, or as soon as nobody uses it; return whether that is yet to come."""
        request = self._begin(REQUEST, REQUEST, WhenBusy.RETRY)
        await request.tried.wait()
        return request.waits

    def lock_after_tasks(self) -> None:
        """Lock as soon as nobody uses it, as those that it was opened for have ended."""
        self._begin(AFTER_TASKS, AFTER_TASKS, WhenBusy.RETRY)

    def stay_open(self, *, after_tasks: bool) -> None:
        """Give up every lock that waits until the vault is free, as somebody wants it.

        That of a vault whose tasks have ended is given up with `after_tasks` alone.
        """
        for on, occasion in list(self._lasting.items()):
            if occasion.waits and (after_tasks or on != AFTER_TASKS):
                self._end(on)

    def _begin(self, on: LockOn | str, reason: str, when_busy: WhenBusy) -> _Occasion:
        occasion = self._lasting.get(on)
        if occasion is None or occasion.is_stale:
            occasion = self._lasting[on] = _Occasion(reason)
            self._nursery.start_soon(self._meet, occasion, when_busy)
        return occasion

    def _end(self, on: LockOn | str) -> _Occasion | None:
        """Stop what is done about an occasion, and return it."""
        occasion = self._lasting.pop(on, None)
        if occasion is not None:
            occasion.scope.cancel()
            if occasion.waits:
                self._served.events.add(EventKind.STAYS_OPEN, detail=occasion.reason)
        return occasion

    async def _meet(self, occasion: _Occasion, when_busy: WhenBusy) -> None:
        """Lock, as far as the policy goes. It settles when nothing is left to be tried."""
        try:
            with occasion.scope:
                await self._lock(occasion, when_busy)
        except MountBusy as busy:
            occasion.holders = holders_in(busy)
            self._served.events.add(EventKind.STAYS_OPEN, detail=occasion.reason)
            self._notices.stays_open(occasion.reason, occasion.holders)
        finally:
            # Also where this is cancelled: somebody may wait for it.
            occasion.tried.set()
            occasion.settled.set()

    async def _lock(self, occasion: _Occasion, when_busy: WhenBusy) -> None:
        """Raises MountBusy where nothing more is to be tried."""
        try:
            await self._locker.lock(occasion.reason)
        except MountBusy as busy:
            match when_busy:
                case WhenBusy.LEAVE:
                    raise
                case WhenBusy.LAZY:
                    await self._locker.lock(occasion.reason, lazy=True)
                case WhenBusy.KILL:
                    await self._locker.kill_and_lock(occasion.reason)
                case WhenBusy.RETRY:
                    await self._wait(occasion, holders_in(busy))

    async def _wait(self, occasion: _Occasion, holders: str) -> None:
        occasion.holders = holders
        occasion.waits = True
        occasion.tried.set()
        self._served.events.add(EventKind.WAITING_TO_LOCK, detail=occasion.reason)
        self._notices.waits()
        await self._locker.lock_when_free(occasion.reason)
        occasion.waits = False


@dataclass
class _Occasion:
    reason: str
    began: float = field(default_factory=trio.current_time)
    holders: str = ""
    """Who used the vault when it was to be locked."""
    waits: bool = False
    """It is locked as soon as nobody uses it, until the occasion is over."""
    tried: trio.Event = field(default_factory=trio.Event)
    """The first attempt is made."""
    settled: trio.Event = field(default_factory=trio.Event)
    """The vault is locked, or nothing more is tried."""
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    @property
    def is_stale(self) -> bool:
        """Whether nothing is done about it any more, and that not only just now."""
        return self.settled.is_set() and trio.current_time() - self.began > SAME_S
