"""Passing bytes on between descriptors, in both directions, without waiting for any one of them.

What is read is written before more is read: whoever is slow slows down the other side of its
own flow, and nobody else.
"""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterable
from typing import Final

_CHUNK: Final = 1 << 16
_NEVER_WAITS: Final = select.PIPE_BUF
"""As much as a pipe that is ready takes at once, whether or not its writer may wait: pipe(7)."""
_READABLE: Final = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL
_WRITABLE: Final = select.POLLOUT | select.POLLHUP | select.POLLERR | select.POLLNVAL


class Flow:
    """From `source` to `sink`, until one of them is at its end; then `at_end` is called once."""

    def __init__(
        self, source: int, sink: int, *, at_end: Callable[[], None] = lambda: None
    ) -> None:
        self.source = source
        self.sink = sink
        self._at_end = at_end
        self._pending = b""
        self.ended = False

    @property
    def waits_for_sink(self) -> bool:
        return bool(self._pending)

    def step(self) -> None:
        """Read or write once; the descriptor that this needs is ready."""
        if self._pending:
            self._write()
        else:
            self._read()

    def stop(self) -> None:
        """End it, whatever is on its way."""
        if not self.ended:
            self.ended = True
            self._pending = b""
            self._at_end()

    def _read(self) -> None:
        try:
            self._pending = os.read(self.source, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            # EIO: a terminal that nobody has open on the other side any more.
            self._pending = b""
        if not self._pending:
            self.stop()

    def _write(self) -> None:
        try:
            done = os.write(self.sink, self._pending[:_NEVER_WAITS])
        except BlockingIOError:
            return
        except OSError:
            # Nobody reads: the writer is to meet that, too, at its next write.
            self.stop()
        else:
            self._pending = self._pending[done:]


def turn(
    flows: Iterable[Flow], others: Iterable[int], timeout: float | None = None
) -> set[int] | None:
    """Wait until anything can be done, do it, and return those of `others` that are readable.

    None when there was nothing to be done for `timeout` seconds.
    """
    flows = [flow for flow in flows if not flow.ended]
    others = set(others)
    wanted = dict.fromkeys(others, select.POLLIN)
    for flow in flows:
        fd, event = (
            (flow.sink, select.POLLOUT) if flow.waits_for_sink else (flow.source, select.POLLIN)
        )
        wanted[fd] = wanted.get(fd, 0) | event
    poll = select.poll()
    for fd, events in wanted.items():
        poll.register(fd, events)
    ready = dict(poll.poll(None if timeout is None else timeout * 1000))
    if not ready:
        return None
    for flow in flows:
        if flow.waits_for_sink:
            is_ready = ready.get(flow.sink, 0) & _WRITABLE
        else:
            is_ready = ready.get(flow.source, 0) & _READABLE
        if is_ready:
            flow.step()
    return others & ready.keys()
