"""Putting away what processes that are gone have left: dead mounts and their records."""

from __future__ import annotations

import asyncio
from pathlib import Path

from vaultui.linux.deadmount import detach_if_dead
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import MountFailed
from vaultui.model.language import Phrase
from vaultui.supervisor.runstate import backend_alive, clear_run_dir, load_run


async def detach(mountpoint: str) -> bool:
    """Detach the dead mounts on `mountpoint`; return whether there were any.

    Mounts that answer or hang are left alone. Raises MountFailed when a dead one stays.
    """
    try:
        return await asyncio.to_thread(detach_if_dead, mountpoint)
    except OSError as error:
        reason = Phrase(
            "the dead mount there can't be detached ({reason})", reason=Phrase(reason_of(error))
        )
        raise MountFailed(path=mountpoint, reason=reason, raw=str(error)) from error


async def repair(run_dir: Path, mountpoint: str) -> bool:
    """Detach dead mounts and drop the records of a backend that ended.

    Returns whether a mount was detached. What still runs is not touched.
    """
    detached = await detach(mountpoint)
    run = load_run(run_dir)
    if run is None or not backend_alive(run):
        clear_run_dir(run_dir)
    return detached
