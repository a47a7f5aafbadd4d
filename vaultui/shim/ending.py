"""Bringing everything below this process to an end: it is asked, and has a time, and is killed.

Nothing here waits. Whoever polls asks `due_in` how long it may, and calls `step` then.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Final

from vaultui.linux import process
from vaultui.linux.descendants import send_signal, signal_descendants
from vaultui.wire.tasks import RELAYED_KILL_S, TaskKeeperSpec

_AGAIN_S: Final = 0.02
"""Between two rounds of killing: what was just being forked in one is met in the next."""
_SELDOM_S: Final = 1.0
"""What waits inside a file system that hangs does not even end when it is killed."""


class Ending:
    def __init__(self, spec: TaskKeeperSpec, first: int, relayed: bool, spare: int = 0) -> None:
        """`first` is the task's first process, which may have ended by now; if `relayed`, it
        passes signals on. `spare` is below this process, too, and is not of the task."""
        self._spec = spec
        self._first = first
        self._start = _start_of(first)
        self._relayed = relayed
        self._spare = spare
        self._kill_at: float | None = None
        self._kill_all_at: float | None = None
        self._pause = _AGAIN_S

    @property
    def has_begun(self) -> bool:
        return self._kill_at is not None

    def ask(self) -> None:
        """Ask for the end, from when on the grace counts. Asking again does nothing more."""
        if self.has_begun:
            return
        self._kill_at = time.monotonic() + self._spec.grace_s
        if not (self._relayed and self._signal_first(signal.SIGTERM)):
            self._signal_all(self._spec.stop_signal)

    def kill(self) -> None:
        """Do not wait any longer."""
        self._kill_at = time.monotonic()
        self.step()

    def due_in(self) -> float | None:
        """Return in how many seconds `step` has something to do; None if it has nothing to do."""
        due = self._kill_at if self._kill_all_at is None else self._kill_all_at
        return None if due is None else max(0.0, due - time.monotonic())

    def step(self) -> None:
        """Kill if it is time for that."""
        now = time.monotonic()
        if self._kill_all_at is None and self._kill_at is not None and now >= self._kill_at:
            told = self._relayed and self._signal_first(signal.SIGQUIT)
            self._kill_all_at = now + RELAYED_KILL_S if told else now
        if self._kill_all_at is not None and now >= self._kill_all_at:
            self._signal_all(signal.SIGKILL)
            self._kill_all_at = now + self._pause
            self._pause = min(2 * self._pause, _SELDOM_S)

    def _signal_first(self, number: int) -> bool:
        """Tell the first process; return False when it has ended."""
        return send_signal(self._first, self._start, number)

    def _signal_all(self, number: int) -> None:
        signal_descendants(os.getpid(), number, spare=(self._spare,))


def _start_of(pid: int) -> int:
    try:
        return process.start_time(pid)
    except ProcessLookupError:
        return -1
