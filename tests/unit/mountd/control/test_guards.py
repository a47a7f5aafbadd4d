"""Which guards are in force, as several sources tell of them."""

from __future__ import annotations

import pytest

from vaultui.mountd.activity import Activity
from vaultui.mountd.control.guards import Guards
from vaultui.mountd.control.idle import IdleClock
from vaultui.mountd.eventring import EventRing
from vaultui.wire.autolock import Guard, GuardState, LockOn

ACTIVE, OFF, MISSING = GuardState.ACTIVE, GuardState.OFF, GuardState.MISSING


@pytest.fixture
def ring() -> EventRing:
    return EventRing()


def guards_of(ring: EventRing, *lock_on: LockOn, idle_s: float = 0.0) -> Guards:
    clock = IdleClock(idle_s, Activity(), 0.0)
    return Guards(clock, lock_on, notify=False, events=ring)


def told(ring: EventRing) -> list[tuple[str, str]]:
    return [(event.kind.value, event.detail) for event in ring.since(0).events]


def test_what_nobody_asked_for_is_off(ring: EventRing) -> None:
    names = ("idle", "sleep", "screen", "logout", "notify")
    assert guards_of(ring).report() == tuple(Guard(name, OFF) for name in names)


def test_what_was_asked_for_is_missing_until_it_is_there(ring: EventRing) -> None:
    guards = guards_of(ring, LockOn.SLEEP)
    assert guards.report()[1] == Guard("sleep", MISSING)
    guards.tell("logind", "sleep", ACTIVE)
    assert guards.report()[1] == Guard("sleep", ACTIVE)


def test_a_pause_of_the_idle_clock_is_told(ring: EventRing) -> None:
    clock = IdleClock(60.0, Activity(), 0.0)
    guards = Guards(clock, (), notify=False, events=ring)
    assert guards.report()[0] == Guard("idle", ACTIVE)
    clock.paused = True
    assert guards.report()[0] == Guard("idle", OFF, "it is paused")


def test_one_source_of_several_is_enough(ring: EventRing) -> None:
    guards = guards_of(ring, LockOn.SCREEN)
    guards.tell("a", "screen", MISSING, "a is gone")
    guards.tell("b", "screen", ACTIVE)
    assert guards.report()[2].state is ACTIVE
    guards.tell("b", "screen", MISSING, "b is gone")
    assert guards.report()[2] == Guard("screen", MISSING, "a is gone; b is gone")


def test_a_loss_is_an_event_and_so_is_the_end_of_it_but_not_the_beginning(ring: EventRing) -> None:
    guards = guards_of(ring, LockOn.SLEEP)
    guards.tell("a", "sleep", MISSING, "it is not there yet")
    guards.tell("a", "sleep", ACTIVE)
    assert told(ring) == []
    guards.tell("a", "sleep", MISSING, "it is gone")
    guards.tell("a", "sleep", MISSING, "it is gone")
    guards.tell("a", "sleep", ACTIVE)
    assert told(ring) == [("guard-missing", "sleep: it is gone"), ("guard-active", "sleep")]
