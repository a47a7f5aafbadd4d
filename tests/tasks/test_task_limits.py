"""Limits for all that belongs to a task: a control group that is there before its program is."""

import os
import signal
from pathlib import Path

import pytest
from capabilities import needs
from support import eventually
from taskstarting import STRAY, TaskPlace, groups_of

from vaultui.linux import controlgroup
from vaultui.model.errors import ControlGroupRefused
from vaultui.wire.attributes import Namespace
from vaultui.wire.rooms import RoomSpec
from vaultui.wire.tasks import Limits

pytestmark = [pytest.mark.anyio, needs("root", "control-groups")]

OWN_GROUP = Path("/proc/self/cgroup").read_text()
MEMORY_HOG = "hoard = []\nwhile True: hoard.append(bytearray(1 << 20))"


async def test_a_task_and_all_that_it_starts_are_in_its_group_from_the_start(
    place: TaskPlace,
) -> None:
    task = await place.run(code=STRAY, limits=Limits(memory_bytes=1 << 28, cpus=0.5, pids=30))
    pids = {int(line) for line in await place.lines(task, 3)}
    group = controlgroup.ControlGroup(place.groups(task))
    assert {str(path) for path in group.directories} == set(task.record.groups)
    # Whoever stays with the task is not limited with it.
    assert group.pids() == pids
    files = {
        file.name: file.read_text().strip()
        for path in group.directories
        for file in path.iterdir()
        if file.name in _LIMITS
    }
    assert files.pop("pids.max") == "30"
    memory = files.pop("memory.max", None) or files.pop("memory.limit_in_bytes")
    assert memory == str(1 << 28)
    cpu = files.pop("cpu.max", None) or " ".join(
        (files.pop("cpu.cfs_quota_us"), files.pop("cpu.cfs_period_us"))
    )
    assert cpu == "50000 100000"
    # Swap is not memory to hide in.
    assert set(files.values()) <= {"0", str(1 << 28)}
    os.kill(task.record.keeper_pid, signal.SIGQUIT)
    await task.wait()
    place.assert_nothing_is_left(task)


@pytest.mark.parametrize("room", [None, RoomSpec((Namespace.MOUNT, Namespace.PID))])
async def test_what_is_over_its_memory_is_killed_and_the_end_says_why(
    place: TaskPlace, room: RoomSpec | None
) -> None:
    limits = Limits(memory_bytes=48 << 20)
    end = await place.end(code=MEMORY_HOG, limits=limits, room=room)
    assert end.exit.signal == signal.SIGKILL
    assert end.exit.oom_killed
    assert not end.stopped


async def test_a_child_that_is_killed_for_memory_shows_in_the_end_of_the_task(
    place: TaskPlace,
) -> None:
    limits = Limits(memory_bytes=48 << 20)
    end = await place.end(sh="$(command -v python3) -c 'bytearray(1 << 30)'; exit 4", limits=limits)
    assert (end.exit.exit_code, end.exit.oom_killed) == (4, True)


async def test_more_processes_than_allowed_are_refused_to_it(place: TaskPlace) -> None:
    code = (
        "import os, time\n"
        "try:\n"
        "    while os.fork(): pass\n"
        "except BlockingIOError: print('refused', flush=True)\n"
        "time.sleep(600)"
    )
    task = await place.run(code=code, limits=Limits(pids=5))
    assert await place.lines(task, 1) == ["refused"]
    assert len(controlgroup.ControlGroup(place.groups(task)).pids()) == 5
    os.kill(task.record.keeper_pid, signal.SIGQUIT)
    await task.wait()


async def test_groups_that_the_task_made_below_its_own_go_with_it(place: TaskPlace) -> None:
    task = await place.run(sh="echo; exec sleep 600", limits=Limits(pids=30))
    await place.lines(task, 1)
    [group] = place.groups(task)
    nested = group / "nested"
    nested.mkdir()
    (nested / "cgroup.procs").write_text(str(task.record.task_pid))
    await eventually(lambda: (group / "cgroup.procs").read_text() == "")
    os.kill(task.record.keeper_pid, signal.SIGTERM)
    await task.wait()
    place.assert_nothing_is_left(task)


async def test_groups_that_a_runtime_made_for_it_and_left_go_as_well(place: TaskPlace) -> None:
    task = await place.run(sh="exec sleep 600")
    for own in set(controlgroup.own_groups().values()):
        (own / f"vaultui-{task.task_id}" / "nested").mkdir(parents=True)
    assert place.groups(task)
    os.kill(task.record.keeper_pid, signal.SIGTERM)
    await task.wait()
    place.assert_nothing_is_left(task)


async def test_a_task_without_limits_stays_in_the_group_of_whoever_started_it(
    place: TaskPlace,
) -> None:
    task = await place.run(sh="cat /proc/self/cgroup")
    await task.wait()
    assert place.output(task) == OWN_GROUP
    assert task.record.groups == ()


async def test_limits_of_a_container_are_left_to_whoever_makes_it(place: TaskPlace) -> None:
    task = await place.run(sh="cat /proc/self/cgroup", limits=Limits(pids=30), grouped=False)
    await task.wait()
    assert "vaultui-" not in place.output(task)


async def test_a_limit_that_cannot_be_made_is_an_error_and_leaves_nothing(
    place: TaskPlace,
) -> None:
    # More than the kernel has pids for; the group for memory is there by then.
    spec = place.spec(sh="exit 0", limits=Limits(memory_bytes=1 << 28, pids=10**9))
    with pytest.raises(ControlGroupRefused):
        await place.launch(spec)
    assert list((place.top / "tasks").iterdir()) == []
    assert spec.task is not None
    assert groups_of(spec.task.record.task_id) == []


_LIMITS = frozenset(
    {
        *("pids.max", "memory.max", "memory.swap.max", "cpu.max"),
        *("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
        *("cpu.cfs_quota_us", "cpu.cfs_period_us"),
    }
)
