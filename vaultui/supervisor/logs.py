"""Reading the log of a backend, which its keeper writes and rotates.

Readers open the file by name and never hold up the writer, however slow they are.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_CHUNK: Final = 1 << 16
_LOOK_EVERY_S: Final = 0.25


def rotated(path: Path, number: int) -> Path:
    """Return the name of an older log; number 1 is the one before `path`."""
    return path.with_name(f"{path.name}.{number}")


def tail(path: Path, lines: int) -> list[str]:
    """Return the last lines of a log, oldest first, going back into older files as needed.

    Empty when there is no log. Bytes that are not UTF-8 show as replacement characters.
    """
    found: list[str] = []
    source, number = path, 0
    while len(found) < lines:
        try:
            found = _last_lines(source, lines - len(found)) + found
        except FileNotFoundError:
            # Rotation may be half-way: the newest file can be missing for a moment.
            if number > 0:
                break
        number += 1
        source = rotated(path, number)
    return found


def remove(path: Path) -> None:
    """Delete a log with its older parts, as far as that is possible."""
    for file in (path, *path.parent.glob(f"{path.name}.[0-9]*")):
        with suppress(OSError):
            file.unlink()


class LogFollower:
    """Gives the lines that a log gained since the last look, over rotations."""

    def __init__(self, path: Path, *, from_start: bool = False) -> None:
        self._path = path
        self._file_id: tuple[int, int] | None = None
        self._offset = 0
        self._partial = b""
        if not from_start:
            self._skip_to_end()

    def new_lines(self) -> list[str]:
        """Return the complete lines that were added since the last call."""
        data = self._partial + self.new_bytes()
        complete, newline, self._partial = data.rpartition(b"\n")
        return complete.decode(errors="replace").split("\n") if newline else []

    def new_bytes(self) -> bytes:
        """Return what was added since the last call, byte for byte."""
        data = b""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return data
        file_id = (status.st_dev, status.st_ino)
        if file_id != self._file_id:
            if self._file_id is not None:
                data += self._rest_of_rotated(self._file_id)
            self._file_id, self._offset = file_id, 0
        elif status.st_size < self._offset:  # emptied by hand
            self._offset = 0
        return data + self._read_from(self._path)

    def _skip_to_end(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return
        self._file_id, self._offset = (status.st_dev, status.st_ino), status.st_size

    def _rest_of_rotated(self, file_id: tuple[int, int]) -> bytes:
        """Return what the file that was followed gained before it got its new name."""
        older = rotated(self._path, 1)
        try:
            status = older.stat()
        except FileNotFoundError:
            return b""
        return self._read_from(older) if (status.st_dev, status.st_ino) == file_id else b""

    def _read_from(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return b""
        self._offset += len(data)
        return data


async def follow(path: Path, *, from_start: bool = False) -> AsyncIterator[str]:
    """Yield lines as they are written, until the caller stops."""
    follower = LogFollower(path, from_start=from_start)
    while True:
        for line in follower.new_lines():
            yield line
        await asyncio.sleep(_LOOK_EVERY_S)


def _last_lines(path: Path, lines: int) -> list[str]:
    """Return at most `lines` last lines of one file, reading no more of it than needed."""
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        data = b""
        while start > 0 and data.count(b"\n") <= lines:
            step = min(_CHUNK, start)
            start = file.seek(start - step)
            data = file.read(step) + data
    return data.decode(errors="replace").splitlines()[-lines:] if lines > 0 else []
