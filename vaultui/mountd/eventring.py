"""The last events of a mount, kept for whoever asks.

Filled by both planes, read by the control plane. A lock guards the ring for the time of one
append or one copy; nothing else is locked inside it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from vaultui.model.terminaltext import shown
from vaultui.wire.control import Event, EventKind, Events

CAPACITY = 512
"""A corrupt file that somebody reads in a loop must not eat the memory; the log has the rest."""

_LOG_LEVELS = {
    EventKind.CORRUPT_CONTENT: logging.WARNING,
    EventKind.CORRUPT_NAME: logging.WARNING,
    EventKind.CORRUPT_METADATA: logging.WARNING,
    EventKind.INTERNAL_ERROR: logging.ERROR,
    EventKind.STORAGE_FULL: logging.WARNING,
    EventKind.LOCK_BUSY: logging.WARNING,
    EventKind.STAYS_OPEN: logging.WARNING,
}

_log = logging.getLogger("vaultfs.events")


class EventRing:
    """Numbers events from 1 and keeps the last `CAPACITY` of them."""

    on_add: Callable[[Event], None] | None = None
    """Called with each event, in the thread that added it."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=CAPACITY)
        self._last = 0
        self._lock = threading.Lock()

    @property
    def last(self) -> int:
        """The number of the newest event; 0 when there was none."""
        return self._last

    def add(self, kind: EventKind, path: str = "", detail: str = "") -> None:
        """Append an event that happens now, and say it in the log.

        The same event about the same path as the newest one is not repeated: a damaged
        block is read again and again by a program that retries.
        """
        with self._lock:
            if self._events and _same(self._events[-1], kind, path, detail):
                return
            self._last += 1
            event = Event(self._last, time.time(), kind, path, detail)
            self._events.append(event)
        words = [kind.value, *([repr(path)] if path else []), *([shown(detail)] if detail else [])]
        _log.log(_LOG_LEVELS.get(kind, logging.INFO), "%s", ": ".join(words))
        if self.on_add is not None:
            self.on_add(event)

    def since(self, seq: int) -> Events:
        """Return the events after number `seq`, and how many of those are lost."""
        with self._lock:
            kept = tuple(event for event in self._events if event.seq > seq)
            first_kept = kept[0].seq if kept else self._last + 1
        return Events(kept, dropped=max(0, first_kept - seq - 1))


_REPEATABLE = frozenset(
    {
        EventKind.CORRUPT_CONTENT,
        EventKind.CORRUPT_NAME,
        EventKind.CORRUPT_METADATA,
        EventKind.INTERNAL_ERROR,
        EventKind.STORAGE_FULL,
    }
)


def _same(event: Event, kind: EventKind, path: str, detail: str) -> bool:
    return (
        kind in _REPEATABLE and event.kind is kind and event.path == path and event.detail == detail
    )
