"""Waiting for a condition, with a deadline and a sentence for when it does not come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import anyio

T = TypeVar("T")

_FIRST_PAUSE_S = 0.002
_LONGEST_PAUSE_S = 0.02


def wait_until(predicate: Callable[[], T], timeout: float = 20.0, what: str = "") -> T:
    """Return the first true value of `predicate`, asked until `timeout` seconds have passed.

    Raises AssertionError that names `what` otherwise. The predicate is asked at least once,
    and once more after the deadline, so that a machine that stood still does not fail a test.
    """
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE_S
    while True:
        asked = time.monotonic()
        late = asked >= deadline
        value = predicate()
        if value:
            return value
        if late:
            raise AssertionError(_sentence(predicate, timeout, what))
        # What takes its time to be asked, a program, is not to keep a core busy meanwhile.
        time.sleep(max(pause, time.monotonic() - asked))
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


async def eventually(
    predicate: Callable[[], T],
    timeout: float = 20.0,  # noqa: ASYNC109 - it fails with a sentence, not with a cancellation
    what: str = "",
) -> T:
    """Do as `wait_until` does without holding up the event loop, asyncio's or trio's."""
    deadline = time.monotonic() + timeout
    pause = _FIRST_PAUSE_S
    while True:
        late = time.monotonic() >= deadline
        value = predicate()
        if value:
            return value
        if late:
            raise AssertionError(_sentence(predicate, timeout, what))
        await anyio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_S)


def _sentence(predicate: Callable[[], object], timeout: float, what: str) -> str:
    name = what or getattr(predicate, "__name__", "the condition")
    return f"{name}: did not happen within {timeout:g} seconds"
