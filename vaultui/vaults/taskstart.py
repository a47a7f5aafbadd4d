"""Starting a task: everything that can be known to be wrong first, then the vault, then the task.

    request ─▶ plan ─▶ the vault is open, held by us ─▶ the task waits ─▶ held by its keeper ─▶ GO

So a vault is opened for nothing that cannot run, and there is no moment at which a task runs and
its vault may be locked, nor one at which a vault stays open for a task that is not there.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vaultui.linux import process
from vaultui.linux.treeremoval import remove_tree
from vaultui.model.errors import NotOpen, VaultKeptClosed, VaultuiError
from vaultui.supervisor.interruption import uninterrupted
from vaultui.tasks.launch import launch
from vaultui.tasks.plan import Job, TaskPlan, prepare
from vaultui.tasks.request import TaskRequest
from vaultui.tasks.running import RunningTask as TaskProcess
from vaultui.tasks.streams import Streams
from vaultui.vaults.outcomes import UnlockOptions
from vaultui.vaults.runningtask import RunningTask
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.taskstatus import records_of
from vaultui.vaults.waiting import in_thread
from vaultui.wire.control import Hold
from vaultui.wire.launchspec import LaunchSpec
from vaultui.wire.tasks import TaskKeeperSpec, TaskRecord

if TYPE_CHECKING:
    from vaultui.vaults.key import Key
    from vaultui.vaults.service import Vaults
    from vaultui.vaults.unlocking import StepReport


@dataclass(frozen=True)
class Start:
    """One task that is to be started, and the vault as it was found."""

    vaults: Vaults
    status: VaultStatus
    request: TaskRequest
    options: UnlockOptions
    """How the vault is opened, where it has to be."""
    on_step: StepReport | None = None
    on_begin: Callable[[], None] | None = None
    """Called just before the task may run."""

    @property
    def is_open(self) -> bool:
        return self.status.state.is_open

    @property
    def privately(self) -> bool:
        """Whether the vault is opened for this task alone. One that is open can't be."""
        return self.request.private and not self.is_open

    def alone(self) -> Start:
        """Return the same with the vault opened for this task alone."""
        return replace(self, request=replace(self.request, private=True))

    @property
    def title(self) -> str:
        return self.request.name

    @property
    def opening_options(self) -> UnlockOptions:
        """How the vault is opened for this task."""
        return replace(self.options, read_only=True) if self.request.read_only else self.options

    def job(self, directory: Path, mountpoint: str) -> Job:
        """Return what the driver is told."""
        entry = self.status.entry
        return Job(
            task_id=directory.name,
            task_dir=directory,
            vault_name=entry.name,
            mountpoint=mountpoint,
            request=self.request,
            room=self.privately,
            allow_other=entry.options.allow_other,
            keep_read_only=self.request.read_only and self.is_open and not self.status.read_only,
            may_be_privileged=self.vaults.program.privileged_containers,
        )

    def launch_spec(self, job: Job, plan: TaskPlan) -> LaunchSpec:
        """Return what the launcher is told; the streams and the backend of a room come later."""
        entry, request = self.status.entry, self.request
        record = TaskRecord(
            task_id=job.task_id,
            title=self.title,
            vault_id=entry.id,
            vault_name=entry.name,
            driver=request.driver,
            argv=request.command,
            private=self.privately,
            read_only=request.read_only,
            terminal=request.terminal,
            saved=bool(request.saved),
            limits=request.limits,
            mountpoint=plan.mountpoint,
        )
        return LaunchSpec(
            program=self.title,
            argv=plan.argv,
            env=plan.env,
            fds=(),
            attributes=plan.attributes,
            task=TaskKeeperSpec(
                record=record,
                task_dir=str(job.task_dir),
                grace_s=request.grace_s,
                grouped=not plan.limits_elsewhere,
                teardown=plan.teardown,
            ),
            room=plan.room,
        )


async def check(start: Start) -> None:
    """Raise what can be known to be wrong with a request before its vault is opened."""
    if not start.is_open:
        from vaultui.vaults.unlocking import check_openable

        check_openable(start.status)
    async with task_directory(start.vaults) as directory:
        try:
            await in_thread(prepare, start.job(directory, _place(start)))
        except VaultKeptClosed:
            if start.is_open:
                raise
            await in_thread(prepare, start.alone().job(directory, _place(start)))
        remove_tree(directory)


async def run(start: Start, key: Key | None, streams: Streams) -> RunningTask:
    """Start a task and return when it runs; whatever is raised, nothing is left then.

    A task that is another user could not enter the vault as we open it; if it is locked yet, it
    is opened for that task alone, who owns it then.
    """
    if not start.privately:
        try:
            return await _run_in_sight(start, key, streams)
        except VaultKeptClosed:
            if start.is_open:
                raise
            start = start.alone()
    from vaultui.vaults.privatestart import run_privately

    if key is None:
        raise NotOpen(name=start.status.entry.name, state=start.status.state.value)
    return await run_privately(start, key, streams)


async def _run_in_sight(start: Start, key: Key | None, streams: Streams) -> RunningTask:
    async with task_directory(start.vaults) as directory:
        job = start.job(directory, _place(start))
        plan = await in_thread(prepare, job)
        async with _held_open(start, key) as status:
            opened = replace(start, status=status).job(directory, status.mountpoint)
            if opened != job:
                job, plan = opened, await in_thread(prepare, opened)
            task = await launch(start.launch_spec(job, plan), streams)
            temporary = await begin(start, task, partial(_hold, start, status))
    return RunningTask(start.vaults, status, task, temporary=temporary)


def _place(start: Start) -> str:
    """Return where the vault is, or is going to be."""
    if start.is_open:
        return start.status.mountpoint
    # Here and above: where the vault is open, nothing needs all that unlocks one.
    from vaultui.vaults.unlocking import as_opened

    return as_opened(start.status.entry, start.options).mountpoint


async def begin(
    start: Start, task: TaskProcess, hold: Callable[[TaskProcess], Awaitable[bool]] | None = None
) -> bool:
    """Let a task go that waits, after `hold` has kept the vault open for it; return its answer."""
    try:
        temporary = await hold(task) if hold is not None else False
        if start.on_begin is not None:
            start.on_begin()
        await task.go()
    except BaseException:
        await uninterrupted(task.give_up())
        raise
    finally:
        await uninterrupted(task.close())
    return temporary


async def _hold(start: Start, status: VaultStatus, task: TaskProcess) -> bool:
    """Have the vault held open for a task; return whether it is open for such holds alone."""
    if status.detail is None:
        return False  # not ours, or silent: nobody is to be told
    return (await start.vaults.hold(status.entry.name, task.hold)).temporary


@asynccontextmanager
async def task_directory(vaults: Vaults) -> AsyncIterator[Path]:
    """Make the directory of a task, and remove it when the task is not started after all."""
    records = records_of(vaults.paths)
    directory = records.make()
    try:
        yield directory
    except BaseException:
        remove_tree(directory)
        raise
    finally:
        # Also where it failed: what is left of a lost task may be what is in its way.
        await in_thread(records.prune)


@asynccontextmanager
async def _held_open(start: Start, key: Key | None) -> AsyncIterator[VaultStatus]:
    """Have the vault open, and hold it for ourselves meanwhile. One that is opened is temporary."""
    vaults, name = start.vaults, start.status.entry.name
    own = os.getpid()
    hold = Hold(own, process.start_time(own), start.title)
    if key is not None:
        options = replace(start.opening_options, hold=hold)
        status = (await vaults.unlock(name, key, options=options, on_step=start.on_step)).status
    elif start.is_open:
        status = start.status
        if status.detail is not None:
            await vaults.hold(name, hold)
    else:
        raise NotOpen(name=name, state=start.status.state.value)
    try:
        yield status
    finally:
        with suppress(VaultuiError):  # it may have locked; the end of this process is one, too
            await uninterrupted(vaults.release(name, hold))
