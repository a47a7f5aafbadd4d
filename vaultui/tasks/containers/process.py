"""The first process of a container, a child of the runner; its end is that of the container."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

from vaultui.linux import cgroup, process
from vaultui.linux.descendants import descendants, send_signal

_KILL_S: Final = 5.0
"""A process that waits for a file system that hangs can't even be killed."""


class ContainerProcess:
    def __init__(self, pid: int) -> None:
        """Take over a child of ours, which may be at its end."""
        self._pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._status: int | None = None
        self._ended_by = 0
        # Its group is its own, or that of the task, by now; the runtime removes it at the end.
        counter, self._kills_before = cgroup.oom_kills(pid)
        self._kill_counter = Path(counter)

    def poll(self) -> int | None:
        """Return how it ended, as in wait(2), or None while it runs; orphans are reaped, too."""
        while self._status is None:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid == self._pid:
                # What it was told, and not how we helped it to.
                self._status = self._ended_by or status
        return self._status

    def ran_out_of_memory(self) -> bool:
        """Return whether the kernel killed anything in there for memory."""
        kills = cgroup.counted(self._kill_counter, "oom_kill")
        return kills is not None and kills > self._kills_before

    def pass_on(self, number: int) -> None:
        """Send a signal that asks for an end to all processes of the container.

        The kernel keeps it from the first process of a pid namespace where that has no handler
        for it. Outside that would be its end, and so it is here, when nobody else is left.
        """
        others = signal_all_below(self._pid, number)
        process.signal_pidfd(self._pidfd, number)
        if not others and not process.has_say_in(self._pid, number):
            self._ended_by = number
            self.kill()

    def kill(self) -> None:
        process.signal_pidfd(self._pidfd, signal.SIGKILL)

    def end(self) -> None:
        """Kill it, if it is still there, and reap it."""
        if self.poll() is None:
            self.kill()
            if process.wait_pidfd(self._pidfd, _KILL_S):
                self.poll()

    def close(self) -> None:
        os.close(self._pidfd)


def signal_all_below(top: int, number: int) -> bool:
    """Send a signal to all processes below one; return whether there were any."""
    reached = [send_signal(pid, start, number) for pid, start in descendants(top).items()]
    return any(reached)
