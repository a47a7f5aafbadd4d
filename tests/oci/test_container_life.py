"""A container from its start to its end, with the keepers of a task: stopped, killed, and alone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import termios
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs
from containertask import ContainerTask
from support import detach, eventually
from taskstarting import TaskPlace

from vaultui.tasks import oci
from vaultui.tasks.running import RunningTask
from vaultui.tasks.stopping import stop
from vaultui.tasks.streams import DETACHED, Streams
from vaultui.wire.launchspec import LaunchSpec
from vaultui.wire.tasks import Driver, Limits, TaskKeeperSpec, TaskRecord

pytestmark = [
    pytest.mark.anyio,
    needs("runc", "crun", "busybox", "root", "control-groups"),
]


class ContainerPlace(TaskPlace):
    """Containers as a front end starts them."""

    rootfs: Path
    closing: contextlib.ExitStack
    runtime = "runc"

    def container(self, *command: str, **request: Any) -> LaunchSpec:
        own = ContainerTask(self.rootfs, self.top / os.urandom(4).hex(), self.runtime)
        self.closing.callback(detach, own.vault)
        own.task_dir = self.records.make()
        own.task_id = own.task_dir.name
        grace_s = request.pop("grace_s", 10.0)
        limits = request.get("limits", Limits())
        plan = oci.prepare(own.job(*command, **request))
        record = TaskRecord(
            own.task_id, "Test", "0" * 16, "Work", Driver.OCI, command, limits=limits
        )
        task = TaskKeeperSpec(record, str(own.task_dir), grace_s=grace_s, teardown=plan.teardown)
        return LaunchSpec("the task", plan.argv, plan.env, (), plan.attributes, task=task)

    async def sh(self, script: str, streams: Streams = DETACHED, **what: Any) -> RunningTask:
        task = await self.launch(self.container("sh", "-c", script, **what), streams)
        await task.go()
        return task

    def assert_nothing_is_left(self, task: RunningTask) -> None:
        assert _groups_named(f"vaultui-{task.task_id}") == []
        assert not (task.directory / "bundle").exists()
        (task.directory / "failure.json").unlink(missing_ok=True)
        (task.directory / "out-of-memory").unlink(missing_ok=True)
        super().assert_nothing_is_left(task)


@pytest.fixture
async def place(rootfs: Path, tmp_path: Path) -> AsyncIterator[ContainerPlace]:
    tasks = ContainerPlace(tmp_path)
    tasks.rootfs = rootfs
    with contextlib.ExitStack() as tasks.closing:
        yield tasks
        await tasks.close()


async def _end(place: ContainerPlace, task: RunningTask) -> tuple[int | None, int | None]:
    end = await task.wait()
    assert end is not None
    place.assert_nothing_is_left(task)
    return end.exit.exit_code, end.exit.signal


async def test_a_container_ends_and_nothing_is_left(place: ContainerPlace) -> None:
    task = await place.sh("echo out; echo err >&2; exit 7")
    assert await _end(place, task) == (7, None)
    assert place.output(task) == "out\n"
    assert place.output(task, "stderr.log") == "err\n"


@pytest.mark.parametrize("runtime", ["runc", "crun"])
async def test_a_stop_is_heard_by_a_program_that_listens(
    place: ContainerPlace, request: pytest.FixtureRequest, runtime: str
) -> None:
    if runtime == "crun":
        place.runtime = request.getfixturevalue("crun")
    task = await place.sh("trap 'echo bye; exit 3' TERM; echo here; while :; do sleep 0.05; done")
    await place.lines(task, 1)
    await stop(task.record)
    assert await _end(place, task) == (3, None)
    assert place.output(task) == "here\nbye\n"


async def test_a_stop_ends_a_program_that_the_kernel_keeps_it_from(place: ContainerPlace) -> None:
    task = await place.sh("echo here; exec sleep 600")
    await place.lines(task, 1)
    await stop(task.record)
    assert await _end(place, task) == (None, signal.SIGTERM)


async def test_a_stop_reaches_what_the_first_process_has_started(place: ContainerPlace) -> None:
    task = await place.sh(
        "echo here; (trap 'echo child; exit 0' TERM; while :; do sleep 0.05; done)"
    )
    await place.lines(task, 1)
    await stop(task.record)
    await _end(place, task)
    assert place.output(task) == "here\nchild\n"


async def test_a_program_that_does_not_listen_is_killed_after_its_grace(
    place: ContainerPlace,
) -> None:
    task = await place.sh("trap '' TERM; echo here; while :; do sleep 0.05; done", grace_s=0.2)
    await place.lines(task, 1)
    await stop(task.record)
    assert await _end(place, task) == (None, signal.SIGKILL)


async def test_a_program_that_needs_too_much_memory_is_known_to_have(place: ContainerPlace) -> None:
    script = "x=x; while :; do x=$x$x; done"
    task = await place.sh(script, limits=Limits(memory_bytes=32 << 20))
    end = await task.wait()
    assert end is not None
    assert end.exit.oom_killed
    place.assert_nothing_is_left(task)


@pytest.mark.parametrize("runtime", ["runc", "crun"])
@pytest.mark.parametrize("victim", ["task", "warden", "keeper", "container"])
async def test_whoever_is_killed_nothing_is_left(
    place: ContainerPlace, request: pytest.FixtureRequest, victim: str, runtime: str
) -> None:
    if runtime == "crun":
        place.runtime = request.getfixturevalue("crun")
    task = await place.sh("(setsid sleep 600 &); echo here; trap '' TERM; sleep 600", grace_s=0.2)
    await place.lines(task, 1)
    everybody = place.processes(task)
    record = task.record
    container = int((task.directory / "bundle" / "pid").read_text())
    pids = {
        "task": record.task_pid,
        "warden": record.warden_pid,
        "keeper": record.keeper_pid,
        "container": container,
    }
    assert container in everybody
    os.kill(pids[victim], signal.SIGKILL)
    await place.until_gone(everybody)
    await task.wait()
    place.assert_nothing_is_left(task)


@pytest.mark.parametrize("victim", ["task", "runtime", "warden", "keeper"])
async def test_whoever_is_killed_while_the_container_is_made_nothing_is_left(
    place: ContainerPlace, victim: str
) -> None:
    place.runtime = _hanging_runtime(place.top)
    task = await place.sh("true", grace_s=0.2)
    await eventually((place.top / "creating").exists)
    everybody = place.processes(task)
    record = task.record
    pids = {
        "task": record.task_pid,
        "warden": record.warden_pid,
        "keeper": record.keeper_pid,
        "runtime": int((place.top / "creating").read_text()),
    }
    os.kill(pids[victim], signal.SIGKILL)
    await place.until_gone(everybody)
    await task.wait()
    place.assert_nothing_is_left(task)


async def test_a_stop_while_the_container_is_made_keeps_it_from_starting(
    place: ContainerPlace,
) -> None:
    place.runtime = _hanging_runtime(place.top)
    task = await place.sh("true")
    await eventually((place.top / "creating").exists)
    await stop(task.record)
    assert await _end(place, task) == (None, signal.SIGTERM)


async def test_it_has_a_terminal_of_its_own_with_our_size(
    place: ContainerPlace, terminal: tuple[int, int]
) -> None:
    ours, theirs = terminal
    termios.tcsetwinsize(ours, (33, 101))
    script = (
        "trap 'echo size; stty size' WINCH; stty size; tty; read word; echo got $word; "
        "while :; do sleep 0.02; done"
    )
    task = await place.sh(script, Streams(terminal=theirs), terminal=True)
    shown = Shown(ours)
    await shown.until("33 101")
    await shown.until("/dev/")
    os.write(ours, b"hello\n")
    await shown.until("got hello")
    termios.tcsetwinsize(ours, (40, 90))
    await shown.until("40 90")
    # Ours passes on what is typed as it is: its own terminal makes a signal of it.
    os.write(ours, b"\x03")
    assert (await _end(place, task))[0] == 130


async def test_the_program_in_a_container_never_has_a_descriptor_of_ours(
    place: ContainerPlace,
) -> None:
    reading, writing = os.pipe()
    file = place.top / "input"
    file.write_text("words\n")
    with file.open("rb") as stdin:
        task = await place.sh(
            "read word; echo $word; for fd in /proc/$$/fd/*; do readlink $fd; done; true",
            Streams(stdin=stdin.fileno(), stdout=writing),
            interactive=True,
        )
    os.close(writing)
    with os.fdopen(reading, "rb") as output:
        text = (await asyncio.to_thread(output.read)).decode()
    assert await _end(place, task) == (0, None)
    assert text.startswith("words\n")
    assert str(place.top) not in text
    assert "pipe:" in text


class Shown:
    """What has come out of a terminal."""

    def __init__(self, terminal: int) -> None:
        os.set_blocking(terminal, False)
        self._terminal = terminal
        self._text = b""

    async def until(self, words: str) -> None:
        await eventually(lambda: words in self._read(), what=f"{words!r} is shown")

    def _read(self) -> str:
        with contextlib.suppress(BlockingIOError):
            self._text += os.read(self._terminal, 1 << 16)
        return self._text.decode(errors="replace")


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(theirs)
    os.close(ours)


def _hanging_runtime(top: Path) -> str:
    """Return a runtime that never gets done with a container."""
    script = top / "runtime"
    script.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        "--version) echo runtime version 1;;\n"
        f"*create*) echo $$ > {top}/begun; mv {top}/begun {top}/creating; exec sleep 600;;\n"
        "esac\n"
    )
    script.chmod(stat.S_IRWXU)
    return str(script)


def _groups_named(name: str) -> list[Path]:
    """Return the control groups of that name, wherever they are."""
    found = []
    for directory, names, _files in os.walk("/sys/fs/cgroup"):
        found += [Path(directory, one) for one in names if one == name]
    return found
