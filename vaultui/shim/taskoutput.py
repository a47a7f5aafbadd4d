"""What a task writes: kept in files, and passed on to whoever reads along.

The files lie in memory and never hold anybody up. Whoever reads along does: as on any pipe, the
task waits for a reader who is slow, and what it wrote is passed on byte for byte.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import time
from typing import Final

from vaultui.shim.logfile import RotatingFile

_CHUNK: Final = 1 << 18
"""As much as the pipes hold, so that a task that writes a lot is not woken for each page of it."""
_MOST: Final = 1 << 20
"""The most that an ordinary user may have in a pipe: pipe(7), pipe-max-size."""


class TaskOutput:
    """One stream of a task: `source`, the file, and `sink` for whoever reads along."""

    def __init__(self, source: int, path: str, max_bytes: int, backups: int, sink: int) -> None:
        """`sink` is -1 for nobody."""
        self.source = source
        self.sink = sink
        self._file = RotatingFile(path, max_bytes, backups)
        self._lost = 0
        self._pending = memoryview(b"")
        for fd in (source, sink):
            if fd >= 0:
                os.set_blocking(fd, False)
                _enlarge(fd, _CHUNK)

    @property
    def fds(self) -> tuple[int, ...]:
        """All that it has open."""
        return tuple(fd for fd in (self.source, self.sink, self._file.fileno()) if fd >= 0)

    def leave_to_another(self) -> None:
        """Let go of all but the source: another process reads that as long as it lives.

        After it, we go on with the file alone.
        """
        self._file.close()
        self.sink = -1

    def register(self, poll: select.poll) -> None:
        """Have `poll` wait for what comes next: room for what was read, or something to read."""
        if self._pending:
            poll.register(self.sink, select.POLLOUT)
            return
        if self.sink >= 0:
            # For the end of the reader alone, which is always told.
            poll.register(self.sink, 0)
        if self.source >= 0:
            poll.register(self.source, select.POLLIN)

    def handle(self, ready: dict[int, int]) -> None:
        """Take the next step with what `poll` found."""
        if ready.get(self.sink, 0) & (select.POLLERR | select.POLLNVAL):
            self._drop_sink()
        elif self._pending and self.sink in ready:
            self._push()
        if self.source in ready and not self._pending:
            self._pull()

    def drain(self) -> None:
        """Read all that was written and not read yet; the task has ended."""
        if self._pending:
            # There is room for both in the pipe, most of the time; the rest waits in here.
            _enlarge(self.sink, _MOST)
            self._push()
        while self.source >= 0 and self._pull(more=True):
            pass

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until the reader has taken what is left, or is gone."""
        poll = select.poll()
        while self._pending:
            _enlarge(self.sink, _MOST)
            poll.register(self.sink, select.POLLOUT)
            if not poll.poll(None if timeout_s is None else timeout_s * 1000):
                return
            self._push()

    def note(self, text: str) -> None:
        """Add a line of the keeper's own to the file; whoever reads along does not see it."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        self._keep(f"{stamp} keeper: {text}\n".encode(errors="surrogateescape"))

    def _pull(self, *, more: bool = False) -> bool:
        """Read once; return False when there is nothing more to be read."""
        try:
            data = os.read(self.source, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            # Nobody has it open for writing any more.
            os.close(self.source)
            self.source = -1
            if self.sink >= 0 and not self._pending:
                self._drop_sink()
            return False
        self._keep(data)
        if self.sink >= 0:
            self._pending = memoryview(bytes(self._pending) + data if more else data)
            self._push()
        return True

    def _push(self) -> None:
        try:
            while self._pending:
                self._pending = self._pending[os.write(self.sink, self._pending) :]
        except BlockingIOError:
            return
        except OSError:
            self._drop_sink()
        if self.source < 0 and self.sink >= 0:
            self._drop_sink()

    def _drop_sink(self) -> None:
        """The reader is gone, or has had all: the task goes on writing to the file alone."""
        os.close(self.sink)
        self.sink = -1
        self._pending = memoryview(b"")

    def _keep(self, data: bytes) -> None:
        if self._lost:
            data = f"[{self._lost} bytes of output were dropped here]\n".encode() + data
        try:
            self._file.write(data)
            self._lost = 0
        except OSError:
            # No memory left, or the directory went away: the file has a gap, the task goes on.
            self._lost += len(data)


def _enlarge(pipe: int, size: int) -> None:
    # Where a user has a lot in pipes already, or it is none, it stays as it is.
    with contextlib.suppress(OSError):
        if fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) < size:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
