"""How fast an open vault is read and written, over the last minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from vaultui.vaults import VaultStatus

SAMPLES = 60
"""One a second while the terminal is in front: a minute of pictures."""


class History:
    """The rates of one vault in bytes per second, made from the backend's running totals."""

    def __init__(self) -> None:
        self._read: deque[float] = deque(maxlen=SAMPLES)
        self._written: deque[float] = deque(maxlen=SAMPLES)
        self._last: tuple[float, int, int] | None = None
        self._backend: int | None = None

    def add(self, status: VaultStatus, now: float) -> None:
        """Take the totals of `status` at `now`, in seconds of a clock that does not jump."""
        if status.backend_pid != self._backend or status.backend_pid is None:
            self._read.clear()
            self._written.clear()
            self._last = None
            self._backend = status.backend_pid
        if status.backend_pid is None or status.detail is None:
            return
        if self._last is not None:
            then, read, written = self._last
            # Several refreshes within a moment (the mount table changed) would divide by
            # almost nothing; the next one counts for them.
            if now - then < 0.2:
                return
            self._read.append(max(0, status.bytes_read - read) / (now - then))
            self._written.append(max(0, status.bytes_written - written) / (now - then))
        self._last = (now, status.bytes_read, status.bytes_written)

    @property
    def read(self) -> Sequence[float]:
        return self._read

    @property
    def written(self) -> Sequence[float]:
        return self._written
