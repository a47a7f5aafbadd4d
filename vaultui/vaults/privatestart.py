"""Starting a task that has a vault for itself: its backend lives and ends with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vaultui.model.states import VaultState
from vaultui.supervisor.interruption import uninterrupted
from vaultui.tasks.launch import launch
from vaultui.tasks.plan import prepare
from vaultui.tasks.private import made_private, until_open
from vaultui.tasks.streams import Streams
from vaultui.vaults.key import Key, with_key_file
from vaultui.vaults.mountguard import MountGuard
from vaultui.vaults.privateuse import refuse_beside_private
from vaultui.vaults.runningtask import RunningTask
from vaultui.vaults.taskstart import Start, begin, task_directory
from vaultui.vaults.unlocking import (
    as_opened,
    check_openable,
    mount_spec,
    prepare_mountpoint,
    telling,
)
from vaultui.vaults.waiting import in_thread


async def run_privately(start: Start, key: Key, streams: Streams) -> RunningTask:
    """Start a task with the vault open in its room alone, and return when it runs.

    To everybody else the vault is locked, and can't be unlocked meanwhile.
    """
    vaults, entry = start.vaults, start.status.entry
    status = start.status
    if status.state is VaultState.BROKEN:
        status = await vaults.repair(entry.name)
    check_openable(status)
    options = start.opening_options
    effective = as_opened(entry, options)
    await in_thread(refuse_beside_private, vaults.paths, entry, read_only=effective.opens_read_only)
    vaults_dir = Path(vaults.program.vaults_dir)
    mountpoint = await in_thread(
        prepare_mountpoint, effective, vaults_dir, nonempty=options.nonempty
    )
    if effective.mountpoint == entry.mountpoint:
        # It stays empty and unwritable to everybody else, as that of any locked vault.
        await in_thread(MountGuard(vaults.paths.state_dir).protect, entry.mountpoint)
    spec = mount_spec(effective, mountpoint, key, options, vaults.program.language)
    log_path = vaults.paths.log_file(entry.id)

    async def attempt(key_file: str) -> RunningTask:
        async with task_directory(vaults) as directory:
            job = start.job(directory, mountpoint)
            plan = await in_thread(prepare, job)
            plan, payload = made_private(plan, replace(spec, key_file=key_file), log_path)
            launch_spec = start.launch_spec(job, plan)
            task = await launch(launch_spec, streams, payload=payload, secrets=[key.secret])
            try:
                await until_open(task, entry.name, log_path, telling(start.on_step))
            except BaseException:
                await uninterrupted(task.give_up())
                await uninterrupted(task.close())
                raise
            await begin(start, task)
        return RunningTask(vaults, status, task, temporary=False)

    return await with_key_file(entry, key, attempt)
