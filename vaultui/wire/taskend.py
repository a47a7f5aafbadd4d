"""The end of a task: what the warden tells its keeper, and what is written down of it.

    warden                                    keeper
       │ ── Begun ──▶                            │   task.json, Forked
       │ ── Reaped, when the task has ended ──▶  │   ends what it left running
       │ ── Empty, when nothing is left ──▶      │   exit.json, puts everything away
       │                            ◀── DONE ──  │
       │  ends                                   │   ends

End of file instead of DONE means that the keeper was killed, and the warden does all that is
left to do. A keeper whose warden was killed does the same.
"""

from __future__ import annotations

from vaultui.model.records import record
from vaultui.wire.runrecords import ExitState

DONE = b"d"
"""From keeper to warden."""


@record(frozen=True)
class Begun:
    """The task waits for GO."""

    pid: int


@record(frozen=True)
class Reaped:
    """The task has ended."""

    status: int
    """As of wait(2)."""
    user_s: float
    system_s: float
    max_rss_kib: int
    left: bool = True
    """Something that it has started may live on."""


@record(frozen=True)
class Empty:
    """The warden has no child any more."""


@record(frozen=True)
class TaskEnd:
    """exit.json in the directory of a task."""

    exit: ExitState
    """Its `oom_killed` is true when anything of the task was killed for memory."""
    timed_out: bool = False
    """The limit of time ended it."""
    stopped: bool = False
    """Somebody asked for its end."""
