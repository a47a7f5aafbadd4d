"""Proves the words for what has become of a task."""

from __future__ import annotations

import pytest

from vaultui.vaults.taskwords import task_in_words, went_well
from vaultui.wire.launchspec import ExitState
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import TaskState


def end(
    code: int | None = 0, *, signal: int | None = None, oom: bool = False, **more: bool
) -> TaskEnd:
    return TaskEnd(ExitState(7, code, signal, False, oom, 1.0, 2.0, 0.1, 0.1, 100), **more)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (end(), "done"),
        (end(3), "exit code 3"),
        (end(None, signal=9), "SIGKILL"),
        (end(None, signal=40), "signal 40"),
        (end(None, signal=15, stopped=True), "stopped"),
        (end(0, stopped=True), "stopped"),
        (end(None, signal=9, timed_out=True), "out of time"),
        (end(None, signal=9, oom=True), "out of memory"),
    ],
)
def test_an_end_is_told_by_what_brought_it_about(how: TaskEnd, words: str) -> None:
    assert task_in_words(TaskState.ENDED, how) == words
    assert went_well(how) is (words == "done")


@pytest.mark.parametrize("state", list(TaskState))
def test_without_an_end_the_state_is_told(state: TaskState) -> None:
    assert task_in_words(state, None) == state.value
