"""Several processes that work on one place at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Self

import forkedwork


class Crowd:
    """Child processes; `with` waits for all of them at its end, and none may have failed."""

    def __init__(self) -> None:
        self._pids: list[int] = []

    def start(self, work: Callable[[], object]) -> int:
        """Run `work` in a child and return its pid at once."""
        pid = forkedwork.start(work)
        self._pids.append(pid)
        return pid

    def wait(self, *, may_die: bool = False) -> None:
        """Wait for those that were started."""
        ended = [os.waitpid(pid, 0)[1] for pid in self._pids]
        self._pids.clear()
        assert may_die or not any(ended), "see the traceback of the child"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()


class Signal:
    """Something that one process tells, and another waits for."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()

    def wait(self) -> None:
        os.read(self._reading, 1)

    def tell(self) -> None:
        os.write(self._writing, b".")

    def __del__(self) -> None:
        os.close(self._reading)
        os.close(self._writing)
