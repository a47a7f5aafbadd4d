"""A sync that was asked for, apart from the thread that owns the nodes."""

from __future__ import annotations

import os


class SyncJob:
    """A sync that is ready to be called once, in any thread: it has descriptors of its own."""

    def __init__(self) -> None:
        self._last: tuple[int, bool] | None = None

    def then(self, fd: int, *, data_only: bool) -> None:
        """Say what the sync is of; `fd` becomes the job's."""
        self._last = (fd, data_only)

    def __call__(self) -> None:
        """Sync it; raises the first OSError. Touches nothing that another thread uses."""
        assert self._last is not None
        fd, data_only = self._last
        try:
            self._sync(fd, data_only=data_only)
        finally:
            os.close(fd)

    def _sync(self, fd: int, *, data_only: bool) -> None:
        (os.fdatasync if data_only else os.fsync)(fd)
