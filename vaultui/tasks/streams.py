"""Where a task's standard streams go while somebody in front of it reads and types."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Streams:
    """Descriptors of the front end, which keeps its own copies. -1 is none.

    With a terminal that is all three of them. Otherwise what a task writes is kept in files in
    any case; the pipes are for whoever follows live, and make the task wait.
    """

    stdin: int = -1
    """-1: end of file at once."""
    stdout: int = -1
    stderr: int = -1
    terminal: int = -1
    """The task's side of a pair as in pty(7)."""

    @property
    def live(self) -> bool:
        return self.stdout >= 0 or self.stderr >= 0


DETACHED = Streams()
"""Nobody is in front of it."""
