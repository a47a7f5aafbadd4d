"""The output of a task in the foreground: copied byte for byte to where our own output goes.

A thread for each stream waits for whoever reads ours, and so the task waits for them, too.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from vaultui.vaults.patientwrite import write_all

_CHUNK: Final = 1 << 16


class LiveRelay:
    """Two pipes: a task writes into one end of each, and the other is copied to 1 and 2."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._theirs: list[int] = []
        self.reader_gone = False
        """Our output can't be written any more; what the task writes there is lost to us."""
        self.on_reader_gone: Callable[[], None] = lambda: None
        """Called in a thread when that happens."""

    def __enter__(self) -> Self:
        for target in (1, 2):
            reading, writing = os.pipe()
            self._theirs.append(writing)
            thread = threading.Thread(target=self._copy, args=(reading, target), daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    @property
    def stdout(self) -> int:
        """The end that the task writes its output into."""
        return self._theirs[0]

    @property
    def stderr(self) -> int:
        return self._theirs[1]

    def handed_over(self) -> None:
        """Close our copies of the task's ends: end of file comes when it has closed its own."""
        while self._theirs:
            os.close(self._theirs.pop())

    def finish(self) -> None:
        """Return when everything is copied."""
        self.handed_over()
        for thread in self._threads:
            thread.join()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.handed_over()

    def _copy(self, source: int, target: int) -> None:
        try:
            while data := os.read(source, _CHUNK):
                write_all(target, data)
        except OSError:  # a pipe that nobody reads, a terminal that is gone, a disk that is full
            self.reader_gone = True
            self.on_reader_gone()
        finally:
            os.close(source)
