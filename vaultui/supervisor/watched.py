"""A process that is not our child, watched and ended through its pidfd.

After the launch a backend is its keeper's child, so this is the same for the front end
that started it and for one that found it running.
"""

from __future__ import annotations

import asyncio
import os
import signal
from types import TracebackType
from typing import Final, Self

from vaultui.linux import process
from vaultui.supervisor.pipes import readable

GRACE_S: Final = 5.0
"""What a process gets between being told to end and being killed."""


class WatchedProcess:
    """A pidfd with the ways to use it from asyncio. Close it, or use it in a `with` block."""

    def __init__(self, pid: int, start: int) -> None:
        """Raises nothing for a process that has ended: it then has ended."""
        self.pid = pid
        try:
            self._pidfd = process.open_pidfd(pid, start)
        except ProcessLookupError:
            self._pidfd = -1

    def has_ended(self) -> bool:
        return self._pidfd < 0 or process.wait_pidfd(self._pidfd, 0)

    async def wait(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - it returns
        """Wait for the end; return False when `timeout` seconds went by before it."""
        if self.has_ended():
            return True
        try:
            async with asyncio.timeout(timeout):
                await readable(self._pidfd)
        except TimeoutError:
            return self.has_ended()
        return True

    def send_signal(self, number: int) -> None:
        """Send a signal to this very process, unless it has ended."""
        if self._pidfd >= 0:
            process.signal_pidfd(self._pidfd, number)

    async def shut_down(self, number: int = signal.SIGTERM, grace: float = GRACE_S) -> bool:
        """Send a signal, wait, then kill; return whether it ended.

        A process can outlive SIGKILL while it waits inside a file system that hangs.
        """
        self.send_signal(number)
        if await self.wait(grace):
            return True
        self.send_signal(signal.SIGKILL)
        return await self.wait(GRACE_S)

    def close(self) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
