"""The pipe on which GO comes: wire.tasks. The byte stays in it, so that everybody can see it."""

from __future__ import annotations

import select


def wait(fd: int) -> bool:
    """Return True when GO has come, and False when nobody is left who could give it."""
    return _look(fd, None)


def was_given(fd: int) -> bool:
    """Return whether GO has come by now."""
    return _look(fd, 0)


def _look(fd: int, timeout: int | None) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    # End of file alone is POLLHUP; a byte that lies in the pipe is POLLIN in any case.
    return any(events & select.POLLIN for _, events in poll.poll(timeout))
