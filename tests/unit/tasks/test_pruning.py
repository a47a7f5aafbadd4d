"""Directories of tasks that nobody needs any more go when a new one is started."""

import os
import time
from pathlib import Path

import pytest

from vaultui.linux import process
from vaultui.tasks.records import TaskRecords
from vaultui.wire import codec
from vaultui.wire.runrecords import EXIT_FILE
from vaultui.wire.tasks import TASK_FILE, Driver, TaskRecord


@pytest.fixture
def records(tmp_path: Path) -> TaskRecords:
    return TaskRecords(tmp_path / "tasks")


def begin(records: TaskRecords, *, keeper: int) -> Path:
    """Return the directory of a task with a record; `keeper` sees to its end."""
    directory = records.make()
    alive = process.is_same_process(keeper, process.start_time(keeper)) if keeper else False
    record = TaskRecord(
        task_id=directory.name,
        title="backup",
        vault_id="0" * 16,
        vault_name="Work",
        driver=Driver.COMMAND,
        argv=("true",),
        launched_at=time.time(),
        keeper_pid=keeper,
        keeper_start=process.start_time(keeper) if alive else 0,
        boot_id=process.boot_id(),
    )
    (directory / TASK_FILE).write_bytes(codec.encode(record))
    return directory


def end(directory: Path, age_s: float) -> Path:
    """Let a task have ended so long ago. Nobody reads how."""
    (directory / EXIT_FILE).write_bytes(b"{}")
    os.utime(directory / EXIT_FILE, (time.time() - age_s,) * 2)
    return directory


def left(records: TaskRecords, *directories: Path) -> list[bool]:
    records.prune(kept=2)
    return [directory.exists() for directory in directories]


def test_the_oldest_of_those_that_have_ended_go(records: TaskRecords) -> None:
    tasks = [end(begin(records, keeper=0), age_s) for age_s in (30, 10, 40, 20)]
    assert left(records, *tasks) == [False, True, False, True]


def test_one_that_runs_stays_however_old_it_is(records: TaskRecords) -> None:
    running = begin(records, keeper=os.getpid())
    ended = [end(begin(records, keeper=0), age_s) for age_s in (1, 2)]
    assert left(records, running, *ended) == [True, True, True]


def test_one_that_was_lost_is_put_away_and_stays_on_record_for_a_while(
    records: TaskRecords,
) -> None:
    lost = begin(records, keeper=0)
    older = [end(begin(records, keeper=0), age_s) for age_s in (100, 200)]
    assert left(records, lost, *older) == [True, True, False]
    assert os.listdir(lost) == [TASK_FILE]


def test_a_start_that_never_came_to_a_record_goes_after_a_while(records: TaskRecords) -> None:
    young, old = records.make(), records.make()
    os.utime(old, (time.time() - 3600,) * 2)
    assert left(records, young, old) == [True, False]


def test_without_any_task_there_is_nothing_to_do(records: TaskRecords) -> None:
    assert left(records) == []
