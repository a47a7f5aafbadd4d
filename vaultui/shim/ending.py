"""Bringing everything below this process to an end: it is asked, and has a time, and is killed.

Nothing here waits. Whoever polls asks `due_in` how long it may, and calls `step` then.
"""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator
from typing import Final

from vaultui.linux import process
from vaultui.linux.descendants import send_signal, walk
from vaultui.wire.tasks import RELAYED_KILL_S, TaskKeeperSpec

_AGAIN_S: Final = 0.02
"""From one round to the next: what was just being forked in one is met in the other."""
_SELDOM_S: Final = 1.0
"""Between later rounds. What waits inside a file system that hangs is not even killed."""
_MANY: Final = 1000
"""Processes that are killed in one round, before zombies are reaped again."""


class Ending:
    def __init__(self, spec: TaskKeeperSpec, first: int, relayed: bool, spare: int = 0) -> None:
        """`first` is the task's first process, which may have ended by now; if `relayed`, it
        passes signals on. `spare` is below this process, too, and is not of the task."""
        self._spec = spec
        self._first = first
        self._start = _start_of(first)
        self._relayed = relayed
        self._spare = spare
        self._asked: set[tuple[int, int]] = set()
        self._kill_at: float | None = None
        self._kills = False
        self._next_round = 0.0
        self._pause = _AGAIN_S

    @property
    def has_begun(self) -> bool:
        return self._kill_at is not None

    def ask(self) -> None:
        """Ask for the end, from when on the grace counts. Asking again does nothing more."""
        if self.has_begun:
            return
        self._kill_at = time.monotonic() + self._spec.grace_s
        if self._relays(signal.SIGTERM):
            # It asks the others itself.
            self._next_round = self._kill_at
        self.step()

    def kill(self) -> None:
        """Do not wait any longer."""
        self._kill_at = self._next_round = min(time.monotonic(), self._kill_at or math.inf)
        self.step()

    def due_in(self) -> float | None:
        """Return in how many seconds `step` has something to do; None if it has nothing to do."""
        if self._kill_at is None:
            return None
        due = self._next_round if self._kills else min(self._kill_at, self._next_round)
        return max(0.0, due - time.monotonic())

    def step(self) -> None:
        """Ask or kill those who are there now, if it is time for that."""
        now = time.monotonic()
        if self._kill_at is None or self.due_in():
            return
        if now >= self._kill_at and not self._kills:
            self._kills, self._pause = True, _AGAIN_S
            if self._relays(signal.SIGQUIT):
                self._next_round = now + RELAYED_KILL_S
                return
        if self._kills:
            self._kill_all()
        else:
            self._ask_all()
        self._next_round = now + self._pause
        self._pause = min(2 * self._pause, _SELDOM_S)

    def _ask_all(self) -> None:
        for found in self._everybody():
            if found not in self._asked:
                send_signal(*found, self._spec.stop_signal)
                # One that is stopped learns of nothing but SIGKILL.
                send_signal(*found, signal.SIGCONT)
                self._asked.add(found)

    def _kill_all(self) -> None:
        """Kill until nobody new is met: what forks again and again is caught by being quick."""
        killed: set[tuple[int, int]] = set()
        before = -1
        while before < len(killed) < _MANY:
            before = len(killed)
            for found in self._everybody():
                send_signal(*found, signal.SIGKILL)
                killed.add(found)
        if len(killed) >= _MANY:
            self._pause = _AGAIN_S

    def _everybody(self) -> Iterator[tuple[int, int]]:
        """Yield all of the task. Whoever is spared goes on if somebody has stopped it: it reaps."""
        for found in walk(os.getpid()):
            if found[0] == self._spare:
                send_signal(*found, signal.SIGCONT)
            else:
                yield found

    def _relays(self, number: int) -> bool:
        """Tell the first process, if that passes signals on; return False if it does not."""
        return self._relayed and send_signal(self._first, self._start, number)


def _start_of(pid: int) -> int:
    try:
        return process.start_time(pid)
    except ProcessLookupError:
        return -1
