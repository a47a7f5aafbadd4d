"""kill -9 of each process of the chain, at each moment: nothing is left of the task.

The one that is left of keeper and warden ends all descendants, writes down how it went and puts
everything away. What was never begun leaves nothing at all.
"""

import os
import signal
from collections.abc import Callable

import pytest
from capabilities import needs
from support import eventually
from taskstarting import STRAY, TaskPlace

from vaultui.linux import process
from vaultui.model.errors import LaunchFailed
from vaultui.tasks.records import look
from vaultui.tasks.running import RunningTask
from vaultui.wire.attributes import Namespace
from vaultui.wire.rooms import RoomSpec
from vaultui.wire.tasks import Limits, TaskRecord, TaskState, Teardown

pytestmark = pytest.mark.anyio

Victim = Callable[[TaskRecord], int]
KEEPERS = {
    "keeper": lambda record: record.keeper_pid,
    "warden": lambda record: record.warden_pid,
}
VICTIMS = {**KEEPERS, "task": lambda record: record.task_pid}
ROOM = RoomSpec((Namespace.MOUNT, Namespace.PID))
ROOMS = [pytest.param(None, id="plain"), pytest.param(ROOM, id="room", marks=needs("root"))]


def killed(victims: dict[str, Victim]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("victim", victims.values(), ids=victims.keys())


@killed(VICTIMS)
@pytest.mark.parametrize("room", ROOMS)
async def test_killed_while_it_waits_for_go_nothing_is_left(
    place: TaskPlace, victim: Victim, room: RoomSpec | None
) -> None:
    task = await place.launch(place.spec(sh="echo begun > proof", room=room))
    everybody = place.processes(task)
    os.kill(victim(task.record), signal.SIGKILL)
    await place.until_gone(everybody)
    await task.give_up()
    assert not task.directory.exists()


@killed(VICTIMS)
@pytest.mark.parametrize("room", ROOMS)
async def test_killed_while_it_runs_nothing_is_left_but_how_it_ended(
    place: TaskPlace, victim: Victim, room: RoomSpec | None
) -> None:
    task = await place.run(code=STRAY, grace_s=2.0, room=room)
    await place.lines(task, 3)
    everybody = place.processes(task)
    assert len(everybody) >= 5
    os.kill(victim(task.record), signal.SIGKILL)
    await place.until_gone(everybody)
    known = await ended(task)
    assert known is not None
    place.assert_nothing_is_left(task)


@killed(KEEPERS)
@pytest.mark.parametrize("room", ROOMS)
async def test_killed_while_the_task_does_not_heed_its_end_nothing_is_left(
    place: TaskPlace, victim: Victim, room: RoomSpec | None
) -> None:
    task = await place.run("deaf", code=STRAY, grace_s=0.5, room=room)
    await place.lines(task, 3)
    everybody = place.processes(task)
    os.kill(task.record.keeper_pid, signal.SIGTERM)
    await eventually(lambda: state_of(task) is TaskState.STOPPING)
    os.kill(victim(task.record), signal.SIGKILL)
    await place.until_gone(everybody)
    await ended(task)
    place.assert_nothing_is_left(task)


@killed(KEEPERS)
async def test_killed_while_it_is_put_away_the_rest_is_done_by_the_other(
    place: TaskPlace, victim: Victim
) -> None:
    fifo, proof = place.top / "fifo", place.top / "proof"
    os.mkfifo(fifo)
    # The first one to come here waits for somebody to read, and is killed meanwhile.
    waits = ("sh", "-c", f"test -e '{proof}' || {{ touch '{proof}'; echo > '{fifo}'; }}")
    task = await place.run(sh="exit 3", teardown=Teardown(commands=(waits,)))
    everybody = place.processes(task)
    await eventually(proof.exists)
    os.kill(victim(task.record), signal.SIGKILL)
    if victim is KEEPERS["warden"]:
        # The keeper waits for its command still.
        fifo.read_text()
    await place.until_gone(everybody)
    known = look(task.directory)
    assert known is not None
    assert known.end is not None
    assert known.end.exit.exit_code == 3
    place.assert_nothing_is_left(task)
    os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))


@killed(KEEPERS)
async def test_killed_the_way_it_ended_is_on_record(place: TaskPlace, victim: Victim) -> None:
    task = await place.run(sh="trap 'exit 5' TERM; echo; while :; do sleep 0.01; done")
    await place.lines(task, 1)
    os.kill(victim(task.record), signal.SIGKILL)
    end = await task.wait()
    assert end is not None
    assert end.exit.exit_code == 5
    assert end.exit.pid == task.record.task_pid


@needs("root", "control-groups")
@killed(KEEPERS)
async def test_killed_the_control_group_is_gone(place: TaskPlace, victim: Victim) -> None:
    task = await place.run(code=STRAY, grace_s=2.0, limits=Limits(pids=50, memory_bytes=1 << 28))
    await place.lines(task, 3)
    assert place.groups(task)
    everybody = place.processes(task)
    os.kill(victim(task.record), signal.SIGKILL)
    await place.until_gone(everybody)
    await ended(task)
    place.assert_nothing_is_left(task)


async def test_both_killed_at_once_the_task_ends_and_the_next_to_look_puts_it_away(
    place: TaskPlace,
) -> None:
    """Only what made a session of its own and is no child of the task can go on."""
    task = await place.run(sh="echo; exec sleep 600")
    await place.lines(task, 1)
    everybody = place.processes(task)
    for pid in (task.record.keeper_pid, task.record.warden_pid):
        os.kill(pid, signal.SIGSTOP)
    for pid in (task.record.keeper_pid, task.record.warden_pid):
        os.kill(pid, signal.SIGKILL)
    await place.until_gone(everybody)
    known = look(task.directory)
    assert known is not None
    assert known.state is TaskState.LOST
    assert await task.wait() is None
    assert (task.directory / "scratch").exists()
    place.records.prune()
    assert not (task.directory / "scratch").exists()
    assert look(task.directory) is not None


async def test_a_launcher_that_is_killed_is_an_error_and_leaves_nothing(
    place: TaskPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = place.spec(sh="exit 0")
    # An interpreter that ends at once stands for one that was killed before it had forked.
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(LaunchFailed):
        await place.launch(spec)
    assert list((place.top / "tasks").iterdir()) == []


def state_of(task: RunningTask) -> TaskState | None:
    known = look(task.directory)
    return known.state if known else None


async def ended(task: RunningTask) -> object:
    """Return the end of a task that somebody saw."""
    record = task.record

    def over() -> bool:
        return not any(
            process.is_same_process(pid, start)
            for pid, start in (
                (record.keeper_pid, record.keeper_start),
                (record.warden_pid, record.warden_start),
            )
        )

    await eventually(over, what="those who stay have ended")
    known = look(task.directory)
    assert known is not None
    assert known.state is TaskState.ENDED
    return known.end
