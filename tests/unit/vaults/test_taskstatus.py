"""Proves what is told of a task: its words, and the exit code that a shell gets."""

from __future__ import annotations

import pytest

from vaultui.model.errors import TaskOptionInvalid
from vaultui.vaults.taskstatus import TaskStatus, task_in_words
from vaultui.wire.runrecords import ExitState
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import Driver, TaskRecord, TaskState

RECORD = TaskRecord("01234567", "true", "0123456789abcdef", "Work", Driver.COMMAND, ("true",))


def end(
    code: int | None = 0, *, signal: int | None = None, oom: bool = False, **more: bool
) -> TaskEnd:
    return TaskEnd(ExitState(7, code, signal, False, oom, 1.0, 2.0, 0.1, 0.1, 100), **more)


@pytest.mark.parametrize(
    ("how", "words", "code"),
    [
        (end(), "done", 0),
        (end(3), "exit code 3", 3),
        (end(None, signal=9), "SIGKILL", 137),
        (end(None, signal=40), "signal 40", 168),
        (end(None, signal=15, stopped=True), "stopped", 143),
        (end(0, stopped=True), "stopped", 0),
        (end(None, signal=9, timed_out=True), "out of time", 137),
        (end(None, signal=9, oom=True), "out of memory", 137),
    ],
)
def test_an_end_is_told_by_what_brought_it_about(how: TaskEnd, words: str, code: int) -> None:
    status = TaskStatus(RECORD, TaskState.ENDED, how)
    assert task_in_words(status) == words
    assert status.exit_code == code
    assert status.succeeded is (words == "done")
    assert not status.live


@pytest.mark.parametrize("state", list(TaskState))
def test_without_an_end_the_state_is_told(state: TaskState) -> None:
    status = TaskStatus(RECORD, state)
    assert task_in_words(status) == state.value
    assert status.exit_code is None
    assert status.live is (state not in (TaskState.ENDED, TaskState.LOST))


def test_a_task_that_could_not_begin_is_told_so_and_not_by_the_exit_code_of_its_runner() -> None:
    failure = TaskOptionInvalid(option="--dns", value="x", reason="?")
    status = TaskStatus(RECORD, TaskState.ENDED, end(125), failure)
    assert task_in_words(status) == "could not begin"
