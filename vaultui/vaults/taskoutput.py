"""What a task has written, as its keeper keeps it: two files, each with older parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vaultui.supervisor import logs
from vaultui.vaults.waiting import in_thread
from vaultui.wire.tasks import STDERR_FILE, STDOUT_FILE

_FILES: Final = (STDOUT_FILE, STDERR_FILE)
_CHUNK: Final = 1 << 16


class TaskOutput:
    """Output and errors of one task. Its keeper may be writing: readers never hold it up."""

    def __init__(self, directory: Path) -> None:
        """`directory` is the task's own."""
        self._directory = directory

    def path(self, *, errors: bool = False) -> Path:
        """Return the newest part, which is not there for a task with a terminal."""
        return self._directory / _FILES[errors]

    def version(self) -> tuple[int, ...]:
        """Return what changes whenever something is written, so that it need not be read."""
        return tuple(number for errors in (False, True) for number in self._version(errors))

    async def tail(self, lines: int) -> tuple[list[str], list[str]]:
        """Return the last lines of the output, and those of the errors; the oldest come first."""
        return (
            await in_thread(logs.tail, self.path(), lines),
            await in_thread(logs.tail, self.path(errors=True), lines),
        )

    def reader(self, *, errors: bool = False) -> logs.LogFollower:
        """Return what gives the bytes of the newest part, and then those that come."""
        return logs.LogFollower(self.path(errors=errors), from_start=True)

    def content(self, *, errors: bool = False) -> Iterator[bytes]:
        """Yield all that is kept, from the oldest part on, byte for byte."""
        newest = self.path(errors=errors)
        number = 0
        while logs.rotated(newest, number + 1).exists():
            number += 1
        for path in (*(logs.rotated(newest, n) for n in range(number, 0, -1)), newest):
            try:
                with path.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        yield chunk
            except FileNotFoundError:  # it was rotated a moment ago, or was never made
                continue

    def _version(self, errors: bool) -> tuple[int, int]:
        try:
            status = self.path(errors=errors).stat()
        except OSError:
            return (0, 0)
        return (status.st_size, status.st_mtime_ns)
