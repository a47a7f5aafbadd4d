"""The driver `command`: the program itself, as the user, on the system as it is."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import (
    TaskCommandNotExecutable,
    TaskCommandNotFound,
    TaskOptionInvalid,
)
from vaultui.model.language import N_
from vaultui.tasks.interpolation import command_of, environment_of, filled_in
from vaultui.tasks.plan import Job, TaskPlan
from vaultui.tasks.request import TaskRequest
from vaultui.wire.attributes import Attributes, Rlimit
from vaultui.wire.rooms import RoomSpec


def prepare(job: Job) -> TaskPlan:
    """Return the program with everything filled in; raises what the search for it raises."""
    request = job.request
    own = job.variables()
    given = environment_of(request.env, own)
    env = {**os.environ, **given}
    command = command_of(request.command, given)
    workdir = filled_in(request.workdir, given) or job.mountpoint
    if not _lies_in(workdir, job.mountpoint) and not os.path.isdir(workdir):
        reason = N_("there is no such directory")
        raise TaskOptionInvalid(option="--workdir", value=workdir, reason=reason)
    return TaskPlan(
        argv=(found(command[0], env, workdir, job.mountpoint), *command[1:]),
        env=env,
        attributes=Attributes(
            cwd=workdir,
            parent_death_signal=signal.SIGTERM,
            rlimits=rlimits_of(request),
        ),
        mountpoint=job.mountpoint,
        room=_read_only_room(job) if job.keep_read_only else None,
    )


def _read_only_room(job: Job) -> RoomSpec:
    """Return a room in which an open vault can't be written to; raises NamespacesForbidden."""
    from vaultui.tasks.rooms import own_room

    return replace(own_room(), read_only=job.mountpoint)


def found(program: str, env: Mapping[str, str], workdir: str, mountpoint: str) -> str:
    """Return the absolute path of a program, which is looked for in PATH as a shell does.

    Raises TaskCommandNotFound or TaskCommandNotExecutable. What lies in the vault is taken
    as it is: it may be locked yet, and its mount is nothing to be touched in here.
    """
    if "/" not in program:
        path = shutil.which(program, path=env.get("PATH", os.defpath))
        if path is not None:
            return os.path.abspath(path)
        lying = _lying_in(program, env.get("PATH", os.defpath))
        if lying is None:
            raise TaskCommandNotFound(program=program)
        program = lying
    path = os.path.normpath(os.path.join(workdir, program))
    if _lies_in(path, mountpoint):
        return path
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise TaskCommandNotFound(program=program) from error
    except OSError as error:
        raise TaskCommandNotExecutable(program=program, reason=reason_of(error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise TaskCommandNotExecutable(program=program, reason=N_("it is a directory"))
    if not os.access(path, os.X_OK):
        reason = reason_of(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
        raise TaskCommandNotExecutable(program=program, reason=reason)
    return path


def rlimits_of(request: TaskRequest) -> tuple[Rlimit, ...]:
    """Return the limits that each process of a task has for itself."""
    limits = request.limits
    if not limits.open_files:
        return request.rlimits
    hard = limits.open_files_hard or limits.open_files
    return (*request.rlimits, Rlimit("nofile", limits.open_files, hard))


def _lies_in(path: str, mountpoint: str) -> bool:
    """Return whether a path is in the vault, as it is written: the mount is not looked at."""
    return Path(os.path.normpath(path)).is_relative_to(mountpoint)


def _lying_in(program: str, search: str) -> str | None:
    """Return where in a search path a file of that name is that can't be executed."""
    places = (os.path.join(place, program) for place in search.split(os.pathsep) if place)
    return next((path for path in places if os.path.isfile(path)), None)
