"""What has become of a task, in a few words for a list."""

from __future__ import annotations

import signal
from typing import Final

from vaultui.model.language import N_, _
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import TaskState

_STATES: Final = {
    TaskState.STARTING: N_("starting"),
    TaskState.RUNNING: N_("running"),
    TaskState.STOPPING: N_("stopping"),
    TaskState.ENDED: N_("ended"),
    TaskState.LOST: N_("lost"),
}


def task_in_words(state: TaskState, end: TaskEnd | None) -> str:
    """Return "running", "done", "exit code 3"; `end` is None where nobody knows it."""
    if end is None:
        return _(_STATES[state])
    if end.exit.oom_killed:
        return _("out of memory")
    if end.timed_out:
        return _("out of time")
    if end.stopped:
        return _("stopped")
    if end.exit.signal is not None:
        return _signal_name(end.exit.signal)
    if end.exit.exit_code:
        return _("exit code {code}", code=end.exit.exit_code)
    return _("done")


def went_well(end: TaskEnd) -> bool:
    """Return whether a task came to its end by itself, and says that it did what it should."""
    return end.exit.exit_code == 0 and not (end.stopped or end.timed_out or end.exit.oom_killed)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a realtime signal
        return _("signal {number}", number=number)
