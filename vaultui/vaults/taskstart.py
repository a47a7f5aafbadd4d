"""Starting a task: everything that can be known to be wrong first, then the vault, then the task.

    request ─▶ plan ─▶ the vault is open, held by us ─▶ the task waits ─▶ held by its keeper ─▶ GO

So a vault is opened for nothing that cannot run, and there is no moment at which a task runs and
its vault may be locked, nor one at which a vault stays open for a task that is not there.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vaultui.linux import process
from vaultui.linux.treeremoval import remove_tree
from vaultui.model.errors import NotOpen, VaultuiError
from vaultui.supervisor.interruption import uninterrupted
from vaultui.tasks.launch import launch
from vaultui.tasks.plan import Job, TaskPlan, prepare
from vaultui.tasks.records import TaskRecords
from vaultui.tasks.request import TaskRequest
from vaultui.tasks.running import RunningTask as TaskProcess
from vaultui.tasks.streams import Streams
from vaultui.vaults.outcomes import UnlockOptions
from vaultui.vaults.runningtask import RunningTask
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.unlocking import StepReport, as_opened, check_openable
from vaultui.vaults.waiting import in_thread
from vaultui.wire.control import Hold
from vaultui.wire.launchspec import LaunchSpec
from vaultui.wire.tasks import TaskKeeperSpec, TaskRecord

if TYPE_CHECKING:
    from vaultui.vaults.key import Key
    from vaultui.vaults.service import Vaults


@dataclass(frozen=True)
class Start:
    """One task that is to be started, and the vault as it was found."""

    vaults: Vaults
    status: VaultStatus
    request: TaskRequest
    options: UnlockOptions
    """How the vault is opened, where it has to be."""
    on_step: StepReport | None = None

    @property
    def is_open(self) -> bool:
        return self.status.state.is_open

    @property
    def privately(self) -> bool:
        """Whether the vault is opened for this task alone. One that is open can't be."""
        return self.request.private and not self.is_open

    @property
    def title(self) -> str:
        return self.request.name

    def job(self, directory: Path, status: VaultStatus | None = None) -> Job:
        """Return what the driver is told; `status` is that of the vault by then."""
        entry = self.status.entry
        if status is None and not self.is_open:
            mountpoint = as_opened(entry, self.options).mountpoint
        else:
            mountpoint = (status or self.status).mountpoint
        return Job(
            task_id=directory.name,
            task_dir=directory,
            vault_name=entry.name,
            mountpoint=mountpoint,
            request=self.request,
            room=self.privately,
            allow_other=entry.options.allow_other,
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
        check_openable(start.status)
    async with _directory(start.vaults) as directory:
        await in_thread(prepare, start.job(directory))
        remove_tree(directory)


async def run(start: Start, key: Key | None, streams: Streams) -> RunningTask:
    """Start a task and return when it runs; whatever is raised, nothing is left then."""
    async with _directory(start.vaults) as directory:
        job = start.job(directory)
        plan = await in_thread(prepare, job)
        if start.privately:
            from vaultui.vaults.privatestart import launch_privately

            task = await launch_privately(start, job, plan, key, streams)
            return RunningTask(start.vaults, start.status, task, temporary=False)
        async with _held_open(start, key) as status:
            if status.mountpoint != job.mountpoint:
                job = start.job(directory, status)
                plan = await in_thread(prepare, job)
            task = await launch(start.launch_spec(job, plan), streams)
            temporary = await begin(task, start, status)
    return RunningTask(start.vaults, status, task, temporary=temporary)


async def begin(task: TaskProcess, start: Start, status: VaultStatus | None) -> bool:
    """Have the vault held open for a task that waits, and let it go.

    Returns whether the vault is open for such tasks alone. Without `status` there is nobody to
    be told: it is private, or not ours.
    """
    try:
        temporary = False
        if status is not None and status.detail is not None:
            held = await start.vaults.hold(status.entry.name, task.hold)
            temporary = held.temporary
        await task.go()
    except BaseException:
        await uninterrupted(task.give_up())
        raise
    finally:
        await uninterrupted(task.close())
    return temporary


@asynccontextmanager
async def _directory(vaults: Vaults) -> AsyncIterator[Path]:
    """Make the directory of a task, and remove it when the task is not started after all."""
    vaults.paths.ensure_runtime_dir()
    records = TaskRecords(vaults.paths.tasks_dir)
    directory = records.make()
    try:
        yield directory
    except BaseException:
        remove_tree(directory)
        raise
    await in_thread(records.prune)


@asynccontextmanager
async def _held_open(start: Start, key: Key | None) -> AsyncIterator[VaultStatus]:
    """Have the vault open, and hold it for ourselves meanwhile. One that is opened is temporary."""
    vaults, name = start.vaults, start.status.entry.name
    own = os.getpid()
    hold = Hold(own, process.start_time(own), start.title)
    if key is not None:
        read_only = True if start.request.read_only else start.options.read_only
        options = replace(start.options, hold=hold, read_only=read_only)
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
