"""Tasks as a front end starts them, without a vault: a place for their records, and a program."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from waiting import eventually

from vaultui.linux import controlgroup, process
from vaultui.linux.descendants import descendants
from vaultui.tasks.launch import launch
from vaultui.tasks.records import TaskRecords, look
from vaultui.tasks.running import RunningTask
from vaultui.tasks.stopping import stop
from vaultui.tasks.streams import DETACHED, Streams
from vaultui.wire.attributes import Attributes
from vaultui.wire.launchspec import LaunchSpec
from vaultui.wire.rooms import RoomSpec
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import Driver, Limits, TaskKeeperSpec, TaskRecord, Teardown

STRAY = (
    "import os, signal, sys, time\n"
    "for _ in range(2):\n"
    "    if os.fork(): break\n"
    "    os.setsid()\n"
    "if 'deaf' in sys.argv: signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print(os.getpid(), flush=True)\n"
    "time.sleep(600)\n"
)
"""Three generations, each in a session of its own; with "deaf" they do not heed SIGTERM."""

NO_LIMITS = Limits()
NO_TEARDOWN = Teardown()
USUAL = Attributes(parent_death_signal=signal.SIGTERM)


@dataclass
class TaskPlace:
    """The tasks of one test."""

    top: Path
    started: list[RunningTask] = field(default_factory=list)

    @property
    def records(self) -> TaskRecords:
        return TaskRecords(self.top / "tasks")

    def spec(
        self,
        *argv: str,
        sh: str = "",
        code: str = "",
        grace_s: float = 10.0,
        limits: Limits = NO_LIMITS,
        teardown: Teardown = NO_TEARDOWN,
        room: RoomSpec | None = None,
        attributes: Attributes = USUAL,
        **keeping: Any,
    ) -> LaunchSpec:
        """Return what starts a program, a shell's command line, or Python code."""
        if sh:
            argv = ("/bin/sh", "-c", sh)
        elif code:
            argv = (sys.executable, "-I", "-S", "-c", code, *argv)
        directory = self.records.make()
        record = TaskRecord(
            directory.name, "Test", "0" * 16, "Work", Driver.COMMAND, argv, limits=limits
        )
        task = TaskKeeperSpec(record, str(directory), grace_s, teardown=teardown, **keeping)
        env = {"PATH": os.environ["PATH"], "TASK_DIR": str(directory / "scratch")}
        return LaunchSpec("the task", argv, env, (), attributes, task=task, room=room)

    async def launch(
        self, spec: LaunchSpec, streams: Streams = DETACHED, **backend: Any
    ) -> RunningTask:
        """Start a task up to where it waits for GO; `backend` is for the one of its room."""
        task = await launch(spec, streams, **backend)
        self.started.append(task)
        return task

    async def run(self, *argv: str, streams: Streams = DETACHED, **what: Any) -> RunningTask:
        """Start a task and let it begin."""
        task = await self.launch(self.spec(*argv, **what), streams)
        await task.go()
        return task

    async def end(self, *argv: str, **what: Any) -> TaskEnd:
        """Run a task to its end, which somebody must have seen."""
        task = await self.run(*argv, **what)
        end = await task.wait()
        assert end is not None
        return end

    def output(self, task: RunningTask, name: str = "stdout.log") -> str:
        path = task.directory / name
        return path.read_text() if path.exists() else ""

    async def lines(self, task: RunningTask, count: int) -> list[str]:
        """Return the first lines of a task's output, once there are so many."""
        await eventually(lambda: self.output(task).count("\n") >= count, what="it writes")
        return self.output(task).splitlines()

    def processes(self, task: RunningTask) -> dict[int, int]:
        """Return all that belong to a task at this moment, with their start times."""
        record = task.record
        found = descendants(record.keeper_pid) | descendants(record.warden_pid)
        keepers = {
            record.keeper_pid: record.keeper_start,
            record.warden_pid: record.warden_start,
            record.task_pid: record.task_start,
        }
        return found | {pid: start for pid, start in keepers.items() if pid}

    async def until_gone(self, processes: dict[int, int]) -> None:
        def left() -> list[str]:
            return [
                f"{pid} {process.command_name(pid)}"
                for pid, start in processes.items()
                if process.is_same_process(pid, start)
            ]

        await eventually(lambda: not left(), what=f"all end, also {left()}")

    def groups(self, task: RunningTask) -> list[Path]:
        return groups_of(task.task_id)

    def assert_nothing_is_left(self, task: RunningTask) -> None:
        """But for the record and the output, if the task has ever begun."""
        assert self.groups(task) == []
        known = look(task.directory)
        if known is not None:
            assert known.is_over
        left = {path.name for path in task.directory.iterdir()} if known else set()
        assert left <= {"task.json", "exit.json", "stdout.log", "stderr.log"}, left

    async def close(self) -> None:
        for task in self.started:
            await task.close()
            await stop(task.record, now=True)


def groups_of(task_id: str) -> list[Path]:
    """Return the directories of a task's control group, wherever one could be."""
    name = f"vaultui-{task_id}"
    tops = {top for own in controlgroup.own_groups().values() for top in (own, *own.parents)}
    return [top / name for top in tops if (top / name).exists()]
