"""The log of a backend: a file with rotation, and a thread that writes it.

Whoever produces output must never wait for the disk, so what arrives is queued, and when
the queue is full it is counted and dropped.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Final

MAX_QUEUED: Final = 1 << 20
"""Bytes that wait for a slow disk before output is dropped."""


class RotatingFile:
    """Appends to `path`; `path.1` is the log before it, up to `path.N`."""

    def __init__(self, path: str, max_bytes: int, backups: int) -> None:
        self._path = Path(path)
        self._max_bytes = max_bytes
        self._backups = backups
        self._fd = -1
        self._size = 0
        self._open()

    def fileno(self) -> int:
        """Return its descriptor, which is another one after a rotation."""
        return self._fd

    def write(self, data: bytes) -> None:
        """Append `data`, rotating at the end of a line. Raises OSError."""
        if self._fd < 0:
            self._open()
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self._size += len(data)
        # A line longer than the whole file may be cut, or the log would grow without end.
        at_line_end = data.endswith(b"\n")
        if self._size >= (self._max_bytes if at_line_end else 2 * self._max_bytes):
            self._rotate()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self._path, flags, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        self.close()
        for number in range(self._backups, 0, -1):
            younger = self._path if number == 1 else self._numbered(number - 1)
            if younger.exists():
                younger.rename(self._numbered(number))
        if self._backups == 0:
            self._path.unlink()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


class LogPump:
    """Takes output at any speed and writes it in a thread of its own.

    The condition guards the queue and the counter; it is held for moments, never while
    something is written.
    """

    def __init__(self, path: str, max_bytes: int, backups: int) -> None:
        self._target = (path, max_bytes, backups)
        self._condition = threading.Condition()
        self._queue: list[bytes] = []
        self._queued = 0
        self._dropped = 0
        self._closing = False
        # A daemon: a disk that hangs must not keep the keeper from ending.
        self._thread = threading.Thread(target=self._write_all, daemon=True)
        self._thread.start()

    def feed(self, data: bytes) -> None:
        """Queue output; never blocks."""
        with self._condition:
            if self._queued + len(data) > MAX_QUEUED:
                self._dropped += len(data)
                return
            self._queue.append(data)
            self._queued += len(data)
            self._condition.notify()

    def note(self, text: str) -> None:
        """Add a line of the keeper's own."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        self.feed(f"{stamp} keeper: {text}\n".encode(errors="surrogateescape"))

    def close(self, timeout: float) -> None:
        """Write what is queued and stop, waiting for the disk at most `timeout` seconds."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join(timeout)

    def _write_all(self) -> None:
        file: RotatingFile | None = None
        while (data := self._next()) is not None:
            try:
                file = file or RotatingFile(*self._target)
                file.write(data)
            except OSError:
                # A full disk, a directory that went away: the log has a gap, the mount lives.
                with self._condition:
                    self._dropped += len(data)

    def _next(self) -> bytes | None:
        """Return what waits, with a line about what was dropped; None when all is done."""
        with self._condition:
            while not self._queue and not self._closing:
                self._condition.wait()
            if not self._queue:
                return None
            data = b"".join(self._queue)
            dropped, self._dropped = self._dropped, 0
            self._queue.clear()
            self._queued = 0
        if dropped:
            data = f"[{dropped} bytes of output were dropped here]\n".encode() + data
        return data
