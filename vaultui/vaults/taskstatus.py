"""What a task is in at one moment, and what became of it, in words."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

from vaultui.model.errors import VaultuiError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import N_, Phrase
from vaultui.tasks.failure import read_failure
from vaultui.tasks.records import KnownTask, TaskRecords
from vaultui.vaults.paths import Paths
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import TaskRecord, TaskState


@dataclass(frozen=True)
class TaskStatus:
    """A task as its records tell it, also to a front end that did not start it."""

    record: TaskRecord
    state: TaskState
    end: TaskEnd | None = None
    """How it ended, once it has and somebody saw it."""
    failure: VaultuiError | None = field(default=None, compare=False)
    """Why it could not begin, of a container for one; its end has an exit code all the same."""

    @property
    def task_id(self) -> str:
        return self.record.task_id

    @property
    def live(self) -> bool:
        """Whether it can be stopped and waited for."""
        return self.state in (TaskState.STARTING, TaskState.RUNNING, TaskState.STOPPING)

    @property
    def ended_at(self) -> float | None:
        """When it ended, in seconds since the epoch."""
        return self.end.exit.ended_at if self.end is not None else None

    @property
    def exit_code(self) -> int | None:
        """As a shell has it: the task's own, or 128 and the signal; None while it lives."""
        return None if self.end is None else exit_code_of(self.end)

    @property
    def succeeded(self) -> bool:
        """Whether it came to its end by itself, and says that it did what it should."""
        return self.exit_code == 0 and self.end is not None and not self.end.stopped


def status_of(task: KnownTask) -> TaskStatus:
    """Return a task with what its runner could not do, if it has one that told."""
    failure = read_failure(task.directory) if task.is_over else None
    return TaskStatus(task.record, task.state, task.end, failure)


def known_tasks(paths: Paths) -> list[TaskStatus]:
    """Return all tasks of a user that are on record, the newest first."""
    return [status_of(task) for task in records_of(paths).listing()]


def records_of(paths: Paths) -> TaskRecords:
    """Return the records of a user's tasks; raises RuntimeDirUnsafe.

    Whoever could write there could have us signal any process of ours.
    """
    return TaskRecords(paths.ensure_tasks_dir())


def exit_code_of(end: TaskEnd) -> int:
    """Return the exit code that `run` has after a task that ended so."""
    if end.exit.signal is not None:
        return 128 + end.exit.signal
    code = end.exit.exit_code
    return ExitCode.TASK_FAILED if code is None else code


def task_in_words(status: TaskStatus) -> Phrase:
    """Return what became of a task, for `_` to translate: "running", "done", "exit code 3"."""
    end = status.end
    if end is None:
        return Phrase(_STATES[status.state])
    if status.failure is not None:
        return Phrase("could not begin")
    if end.timed_out:
        return Phrase("out of time")
    if end.exit.oom_killed:
        return Phrase("out of memory")
    if end.stopped:
        return Phrase("stopped")
    if end.exit.signal is not None:
        return _signal_in_words(end.exit.signal)
    if end.exit.exit_code:
        return Phrase("exit code {code}", code=end.exit.exit_code)
    return Phrase("done")


_STATES = {
    TaskState.STARTING: N_("starting"),
    TaskState.RUNNING: N_("running"),
    TaskState.STOPPING: N_("stopping"),
    TaskState.ENDED: N_("ended"),
    TaskState.LOST: N_("lost"),
}


def _signal_in_words(number: int) -> Phrase:
    try:
        return Phrase(signal.Signals(number).name)
    except ValueError:  # a realtime signal
        return Phrase("signal {number}", number=number)
