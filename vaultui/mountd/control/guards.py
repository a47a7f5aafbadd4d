"""Which of the guards that somebody asked for are in force.

What is noticed by several sources is in force while one of them is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vaultui.mountd.control.idle import Clock
from vaultui.mountd.eventring import EventRing
from vaultui.wire.autolock import Guard, GuardState, LockOn
from vaultui.wire.control import EventKind

IDLE: Final = "idle"
NOTIFY: Final = "notify"


class Guards:
    def __init__(
        self, clock: Clock, lock_on: Sequence[LockOn], *, notify: bool, events: EventRing
    ) -> None:
        self._clock = clock
        self._events = events
        self._wanted = [*(on.value for on in lock_on), *([NOTIFY] if notify else [])]
        self._sources: dict[str, dict[str, Guard]] = {name: {} for name in self._wanted}
        self._lost: set[str] = set()

    def tell(self, source: str, name: str, state: GuardState, reason: str = "") -> None:
        """Note what a source says; that a guard is lost, and that it is back, is an event."""
        before = self._guard(name).state
        self._sources[name][source] = Guard(name, state, reason)
        now = self._guard(name)
        if before is GuardState.ACTIVE and now.state is GuardState.MISSING:
            self._lost.add(name)
            self._events.add(EventKind.GUARD_MISSING, detail=f"{name}: {now.reason}")
        elif name in self._lost and now.state is GuardState.ACTIVE:
            self._lost.discard(name)
            self._events.add(EventKind.GUARD_ACTIVE, detail=name)

    def report(self) -> tuple[Guard, ...]:
        """Return all of them, also those that nobody asked for."""
        names = [*(on.value for on in LockOn), NOTIFY]
        return (self._idle(), *(self._guard(name) for name in names))

    def _idle(self) -> Guard:
        if not self._clock.timeout:
            return Guard(IDLE, GuardState.OFF)
        if self._clock.paused:
            return Guard(IDLE, GuardState.OFF, "it is paused")
        return Guard(IDLE, GuardState.ACTIVE)

    def _guard(self, name: str) -> Guard:
        if name not in self._wanted:
            return Guard(name, GuardState.OFF)
        told = self._sources[name].values()
        active = next((guard for guard in told if guard.state is GuardState.ACTIVE), None)
        if active is not None:
            return active
        reasons = dict.fromkeys(guard.reason for guard in told)
        return Guard(name, GuardState.MISSING, "; ".join(reasons))
