"""Events are numbered, kept up to a limit, and what was lost is counted."""

from __future__ import annotations

import logging

import pytest

from vaultui.mountd.eventring import CAPACITY, EventRing
from vaultui.wire.control import EventKind


def test_events_after_a_number_come_back_in_order() -> None:
    ring = EventRing()
    for kind in (EventKind.UNLOCKED, EventKind.PAUSED, EventKind.RESUMED):
        ring.add(kind)
    events = ring.since(1)
    assert [event.seq for event in events.events] == [2, 3]
    assert events.dropped == 0
    assert ring.last == 3
    assert ring.since(3).events == ()


def test_a_full_ring_drops_the_oldest_and_says_how_many_a_reader_missed() -> None:
    ring = EventRing()
    for number in range(CAPACITY + 10):
        ring.add(EventKind.CORRUPT_NAME, str(number))
    events = ring.since(4)
    assert len(events.events) == CAPACITY
    assert events.events[0].seq == 11
    assert events.dropped == 6


def test_the_same_trouble_again_and_again_is_one_event() -> None:
    ring = EventRing()
    for _ in range(5):
        ring.add(EventKind.CORRUPT_CONTENT, "a", "block 3")
    ring.add(EventKind.CORRUPT_CONTENT, "a", "block 4")
    assert [event.detail for event in ring.since(0).events] == ["block 3", "block 4"]


def test_two_locks_that_were_busy_are_two_events() -> None:
    ring = EventRing()
    ring.add(EventKind.LOCK_BUSY, detail="held by x")
    ring.add(EventKind.LOCK_BUSY, detail="held by x")
    assert ring.last == 2


def test_an_event_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "vaultfs"):
        EventRing().add(EventKind.CORRUPT_CONTENT, "docs/a", "block 3")
    assert caplog.messages == ["corrupt-content: 'docs/a': block 3"]
    assert caplog.records[0].levelno == logging.WARNING


def test_what_a_stranger_wrote_does_not_steer_the_terminal_or_begin_a_line_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    EventRing().add(EventKind.CORRUPT_METADATA, "a\n\x1b[31m", "the name user.\x1b[2J\nunlocked")
    assert caplog.messages == [
        r"corrupt-metadata: 'a\n\x1b[31m': the name user.\x1b[2J\x0aunlocked"
    ]
