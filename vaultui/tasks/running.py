"""A task that this front end has started, from the moment that it waits for GO."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Final

from vaultui.linux import process
from vaultui.linux.treeremoval import remove_tree
from vaultui.model.errors import (
    ControlGroupRefused,
    LaunchFailed,
    TaskCommandNotExecutable,
    TaskCommandNotFound,
    VaultuiError,
)
from vaultui.model.language import N_
from vaultui.supervisor.interruption import uninterrupted
from vaultui.supervisor.pipes import FrameReader
from vaultui.supervisor.shimstart import ShimStart
from vaultui.tasks import rooms
from vaultui.tasks.records import look
from vaultui.tasks.stopping import stop, until_ended
from vaultui.wire.control import Hold
from vaultui.wire.launchspec import LaunchSpec
from vaultui.wire.rooms import NAMESPACE_STEPS, PROCESSES_STEP
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import GO, TaskRecord

_ENDED_EARLY: Final = N_("it was ended before it could begin")


class RunningTask:
    """Close it in any case: a task that has not got GO by then is never begun.

    One that has goes on without us.
    """

    def __init__(self, spec: LaunchSpec, shim: ShimStart, go: int, record: TaskRecord) -> None:
        """`go` is the writing end of the pipe on which GO comes."""
        assert spec.task is not None
        self.record = record
        self.directory = Path(spec.task.task_dir)
        self._spec = spec
        self._shim = shim
        self._go = go

    @property
    def task_id(self) -> str:
        return self.record.task_id

    @property
    def notify(self) -> FrameReader:
        """What the mount backend of a room says."""
        return self._shim.notify

    @property
    def hold(self) -> Hold:
        """What the vault is to be kept open for: the process that sees the task to its end."""
        return Hold(self.record.keeper_pid, self.record.keeper_start, self.record.title)

    async def go(self) -> None:
        """Let the task begin, and return when its program is executed.

        Raises TaskCommandNotFound, TaskCommandNotExecutable, ControlGroupRefused or LaunchFailed,
        when nothing is left of it.
        """
        # One that has ended already has said why.
        with contextlib.suppress(BrokenPipeError):
            os.write(self._go, GO)
        try:
            await self._shim.until_executed()
            await self._check_begun()
        except LaunchFailed as error:
            await uninterrupted(self.give_up())
            raise reason_in_words(error, self._spec) from error.__cause__

    async def _check_begun(self) -> None:
        """Raise LaunchFailed where the keeper was killed before it could learn of GO."""
        record = self.record
        if not process.is_same_process(record.keeper_pid, record.keeper_start):
            await until_ended(record)
            if look(self.directory) is None:
                raise LaunchFailed(program=self._spec.program, step="go", reason=_ENDED_EARLY)

    async def wait(self) -> TaskEnd | None:
        """Return how it ended, when it has and all is put away; None if nobody saw how."""
        await until_ended(self.record)
        known = look(self.directory)
        return known.end if known is not None else None

    def send_signal(self, number: int) -> None:
        """Send a signal to the group of the task, as a terminal does with SIGINT."""
        record = self.record
        if not process.is_same_process(record.task_pid, record.task_start):
            return
        if record.relayed:
            os.kill(record.task_pid, number)
        else:
            os.killpg(record.task_pid, number)

    async def give_up(self) -> None:
        """Do not let it begin, or end what has just begun, and leave nothing of it.

        Takes a bounded time, as `stop` does.
        """
        self._close_go()
        await stop(self.record, now=True)
        remove_tree(self.directory)

    async def close(self) -> None:
        self._close_go()
        await self._shim.close()

    def _close_go(self) -> None:
        if self._go >= 0:
            os.close(self._go)
            self._go = -1


def reason_in_words(error: LaunchFailed, spec: LaunchSpec) -> VaultuiError:
    """Return the error for a step that failed, as somebody who starts a program has it."""
    cause = error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    program = spec.argv[0]
    reason = error.details.get("reason", "")
    match error.details.get("step"):
        case "exec" if number == errno.ENOENT and not os.path.exists(program):
            return TaskCommandNotFound(program=program)
        case "exec":
            return TaskCommandNotExecutable(program=program, reason=reason)
        case str(step) if step in NAMESPACE_STEPS:
            return rooms.refusal(error)
        case str(step) if step == PROCESSES_STEP:
            return rooms.without_processes(error)
        case "go":
            return LaunchFailed(program=spec.program, step="go", reason=_ENDED_EARLY)
        case "control group":
            return ControlGroupRefused(reason=reason, raw=error.raw)
    return error
