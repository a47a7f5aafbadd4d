"""What a later front end knows of tasks: which there are, by their ids, the newest first."""

import os
import signal
import time
from pathlib import Path

import pytest
from capabilities import needs
from support import eventually
from taskstarting import STRAY, TaskPlace

from vaultui.linux import process
from vaultui.model.errors import TaskUnknown
from vaultui.tasks.failure import read_failure
from vaultui.tasks.records import TaskRecords, look
from vaultui.tasks.stopping import stop
from vaultui.wire import codec
from vaultui.wire.tasks import Driver, Limits, TaskRecord, TaskState

pytestmark = pytest.mark.anyio


def lost(directory: Path, task_id: str, launched_at: float = 1.0, vault: str = "v") -> TaskRecord:
    """Write the record of a task that nobody sees to."""
    record = TaskRecord(
        task_id,
        "Old",
        vault,
        "Work",
        Driver.COMMAND,
        ("true",),
        launched_at=launched_at,
        keeper_pid=os.getpid(),
        keeper_start=1,
        boot_id=process.boot_id(),
    )
    (directory / task_id / "scratch").mkdir(parents=True)
    (directory / task_id / "task.json").write_bytes(codec.encode(record))
    return record


async def test_all_tasks_are_listed_the_newest_first(place: TaskPlace) -> None:
    first = await place.run(sh="exit 0")
    await first.wait()
    second = await place.run(sh="exec sleep 600")
    assert [known.record.task_id for known in place.records.listing()] == [
        second.task_id,
        first.task_id,
    ]
    assert [known.state for known in place.records.listing()] == [
        TaskState.RUNNING,
        TaskState.ENDED,
    ]


def test_where_nothing_ever_ran_there_is_nothing(tmp_path: Path) -> None:
    records = TaskRecords(tmp_path / "tasks")
    assert records.listing() == []
    assert records.clear() == 0
    records.prune()
    with pytest.raises(TaskUnknown):
        records.find("0")


def test_a_task_is_found_by_the_beginning_of_its_id_if_that_is_one_alone(tmp_path: Path) -> None:
    for task_id in ("aabbccdd", "aabb0000", "12345678"):
        lost(tmp_path, task_id)
    records = TaskRecords(tmp_path)
    assert records.find("1").record.task_id == "12345678"
    assert records.find("aabbc").record.task_id == "aabbccdd"
    for beginning in ("aabb", "", "ff", ".."):
        with pytest.raises(TaskUnknown):
            records.find(beginning)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for number in range(6):
        lost(tmp_path, f"0000000{number}", launched_at=float(number))
    records = TaskRecords(tmp_path)
    records.prune(kept=2)
    assert [known.record.task_id for known in records.listing()] == ["00000005", "00000004"]


def test_clearing_forgets_what_is_over_of_one_vault_or_of_all(tmp_path: Path) -> None:
    lost(tmp_path, "00000001", vault="a")
    lost(tmp_path, "00000002", vault="b")
    lost(tmp_path, "00000003", vault="b")
    records = TaskRecords(tmp_path)
    assert records.clear("b") == 2
    assert [known.record.task_id for known in records.listing()] == ["00000001"]
    assert records.clear() == 1
    assert list(tmp_path.iterdir()) == []


async def test_what_runs_is_neither_cleared_nor_pruned(place: TaskPlace) -> None:
    task = await place.run(sh="exec sleep 600")
    assert place.records.clear() == 0
    place.records.prune(kept=0)
    [known] = place.records.listing()
    assert known.record.task_id == task.task_id


def test_a_start_that_was_never_finished_is_pruned_when_it_is_old(tmp_path: Path) -> None:
    records = TaskRecords(tmp_path)
    young, old = records.make(), records.make()
    os.utime(old, (1.0, time.time() - 3600))
    records.prune()
    assert young.exists()
    assert not old.exists()
    assert (young / "scratch").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"type": "TaskRecord"}'])
def test_a_record_that_cannot_be_understood_is_as_good_as_none(
    tmp_path: Path, content: bytes
) -> None:
    lost(tmp_path, "00000001")
    (tmp_path / "00000001" / "task.json").write_bytes(content)
    assert TaskRecords(tmp_path).listing() == []


@pytest.mark.parametrize("name", ["task.json", "exit.json", "failure.json"])
def test_nobody_waits_for_a_pipe_in_the_place_of_a_record(tmp_path: Path, name: str) -> None:
    """A task that put one there kept all that lists tasks from ending."""
    lost(tmp_path, "00000001")
    (tmp_path / "00000001" / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / "00000001" / name)
    assert state(tmp_path / "00000001") is (None if name == "task.json" else TaskState.LOST)
    assert read_failure(tmp_path / "00000001") is None


def test_a_record_of_another_boot_tells_of_nothing_that_runs(tmp_path: Path) -> None:
    own = os.getpid()
    record = TaskRecord(
        "00000001",
        "Old",
        "v",
        "Work",
        Driver.COMMAND,
        (),
        keeper_pid=own,
        keeper_start=process.start_time(own),
        boot_id="another",
    )
    (tmp_path / "00000001").mkdir()
    (tmp_path / "00000001" / "task.json").write_bytes(codec.encode(record))
    known = look(tmp_path / "00000001")
    assert known is not None
    assert known.state is TaskState.LOST


@needs("root", "control-groups")
async def test_what_is_left_of_a_lost_task_is_ended_and_put_away_by_the_next_to_look(
    place: TaskPlace,
) -> None:
    """Even what made a session of its own: it is still in the control group."""
    task = await place.run(code=STRAY, limits=Limits(pids=40))
    await place.lines(task, 3)
    everybody = place.processes(task)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        os.kill(task.record.keeper_pid, number)
        os.kill(task.record.warden_pid, number)
    await eventually(lambda: state(task.directory) is TaskState.LOST)
    assert await stop(task.record)
    place.records.prune()
    await place.until_gone(everybody)
    place.assert_nothing_is_left(task)


def state(directory: Path) -> TaskState | None:
    known = look(directory)
    return known.state if known is not None else None
