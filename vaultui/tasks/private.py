"""A vault that is open for one task alone: its backend lives in the room of the task.

The mount is in the mount table of the room and in no other, at the vault's usual place. It goes
with the task, whoever of those that look after it is killed.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from vaultui.model.errors import BackendDied, LaunchFailed, from_wire
from vaultui.model.language import N_
from vaultui.supervisor.environment import backend_environment
from vaultui.supervisor.launch import BACKEND
from vaultui.supervisor.logs import tail
from vaultui.tasks.cores import CORE, no_core
from vaultui.tasks.plan import TaskPlan
from vaultui.tasks.rooms import own_room
from vaultui.tasks.running import RunningTask
from vaultui.wire.attributes import Namespace
from vaultui.wire.handshake import Failed, MountSpec, Ready, Starting, Step
from vaultui.wire.rooms import BACKEND_STEP, RoomBackend

_OPEN_FILES: Final = 4096
_LOG_LINES: Final = 20


def made_private(plan: TaskPlan, spec: MountSpec, log_path: Path) -> tuple[TaskPlan, MountSpec]:
    """Return `plan` with a room in which a backend serves, and what that backend is told.

    The latter is the payload of the launch, with the vault's secret behind it. Raises
    NamespacesForbidden.
    """
    room = plan.room or own_room()
    in_user_namespace = Namespace.USER in room.namespaces
    backend = RoomBackend(
        argv=BACKEND,
        env=backend_environment(),
        mountpoint=spec.mountpoint,
        log_path=str(log_path),
        nofile_soft=max(_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
        ambient_capabilities=("sys_admin",) if in_user_namespace else (),
    )
    limits = (one for one in plan.attributes.rlimits if one.name != CORE)
    attributes = replace(plan.attributes, rlimits=(*limits, no_core()))
    plan = replace(plan, room=replace(room, backend=backend), attributes=attributes)
    owner = plan.owner or spec.force_owner
    if in_user_namespace:
        # What belongs to other users and groups belongs to nobody in there, and the kernel would
        # let nobody write to it, whatever its mode says.
        owner = (os.getuid(), os.getgid())
    return plan, _for_one_task(spec, owner)


def _for_one_task(spec: MountSpec, owner: tuple[int, ...]) -> MountSpec:
    """Return what a backend is told that nobody but the task ever meets.

    Nothing locks it but the end of the task, so there is nothing to tell the desktop either.
    """
    return replace(
        spec,
        ctlsock="",
        idle_timeout_s=0.0,
        closes_at=0.0,
        lock_on=(),
        notify=False,
        # Safe here: the users that it lets in are those of the room, and that is the task.
        allow_other=bool(owner),
        force_owner=owner,
    )


async def until_open(
    task: RunningTask, name: str, log_path: Path, on_step: Callable[[Step], None]
) -> None:
    """Return when the backend in the room of `task`, which waits for GO, serves the vault `name`.

    Raises the error that the backend sent, BackendDied with its last log lines, or what kept the
    room from being made.
    """
    while (message := await task.notify.message(Starting, Step, Ready, Failed)) is not None:
        match message:
            case Step():
                on_step(message)
            case Failed(error):
                raise from_wire(error)
            case Ready():
                return
    try:
        # The room knows why, and tells it to whoever wants the task to begin.
        await task.go()
    except LaunchFailed as error:
        if error.details.get("step") != BACKEND_STEP:
            raise
    how = N_("it ended before the vault was open")
    raise BackendDied(name=name, exit=how, raw="\n".join(tail(log_path, _LOG_LINES)))
