"""The driver `oci`: a container that an OCI runtime makes of a directory with a system in it.

The task's process is a runner of ours, which has the container made and stays with it. Everything
that a request says is looked at in here, before there is anything.
"""

from __future__ import annotations

import os
import posixpath
import pwd
import sys
from typing import Final

from vaultui.linux.durable import write_durably
from vaultui.model.errors import TaskOptionInvalid, VaultKeptClosed
from vaultui.model.language import N_, Phrase
from vaultui.supervisor.environment import backend_environment
from vaultui.tasks.addresses import dns_servers, extra_hosts, host_name, search_domains
from vaultui.tasks.command import rlimits_of
from vaultui.tasks.containers import namespaces, runtime, seccomp, users
from vaultui.tasks.containers.spec import (
    CONTAINER_FILE,
    ContainerSpec,
    ContainerUser,
)
from vaultui.tasks.cores import no_core
from vaultui.tasks.interpolation import command_of, environment_of, filled_in
from vaultui.tasks.plan import BUNDLE_DIR, PATH, SCRATCH_AT, VAULT_AT, Job, TaskPlan
from vaultui.tasks.request import BindRequest
from vaultui.tasks.rooms import own_room
from vaultui.wire import codec
from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Teardown

RUNNER: Final = (sys.executable, "-I", "-m", "vaultui.tasks.containers.runner")
_LEAST_PIDS: Final = 20
"""The runner and the threads of a runtime count, too."""


def prepare(job: Job) -> TaskPlan:
    """Return a runner, with what the container is to be in the task's directory.

    Raises RuntimeMissing, TaskOptionInvalid, TaskCommandInvalid, VaultKeptClosed, or
    NamespacesForbidden where an ordinary user is known to get none. Whether the system in there
    has the program is told by the runtime.
    """
    spec = _spec(job)
    os.makedirs(spec.bundle, 0o700, exist_ok=True)
    if spec.user.uid:
        os.chown(job.scratch, spec.user.uid, spec.user.gid)
    file = os.path.join(spec.bundle, CONTAINER_FILE)
    write_durably(file, codec.encode(spec))
    return TaskPlan(
        argv=(*RUNNER, file),
        env=backend_environment(),
        mountpoint=job.request.around.at or VAULT_AT,
        owner=_owner(spec.user),
        teardown=Teardown(commands=(runtime.delete_command(spec),), directories=(spec.bundle,)),
    )


def _spec(job: Job) -> ContainerSpec:
    request, around = job.request, job.request.around
    own_room()  # what a container needs is no less than what a room does
    if not os.path.isdir(around.rootfs):
        reason = N_("it is the directory with the system that the container sees, and needed")
        raise TaskOptionInvalid(option="--rootfs", value=around.rootfs, reason=reason)
    if 0 < request.limits.pids < _LEAST_PIDS:
        wanted = Phrase("it takes {count} to make a container", count=_LEAST_PIDS)
        raise TaskOptionInvalid(
            option="--limit", value=f"pids={request.limits.pids}", reason=wanted
        )
    user = _user(job)
    at = around.at or VAULT_AT
    # What the system has for everybody comes first, then what was asked for.
    env = {"PATH": PATH, "HOME": user.home}
    if request.terminal:
        env["TERM"] = os.environ.get("TERM", "xterm")
    given = environment_of(request.env, job.variables(at, SCRATCH_AT))
    env |= given
    profile, custom = seccomp.asked_for(around.seccomp)
    return ContainerSpec(
        container_id=f"vaultui-{job.task_id}",
        bundle=str(job.task_dir / BUNDLE_DIR),
        runtime=runtime.found(around.runtime),
        rootfs=os.path.abspath(around.rootfs),
        vault_name=job.vault_name,
        vault=_checked(BindRequest(job.mountpoint, at, request.read_only), "--at"),
        command=command_of(request.command, given),
        env=env,
        workdir=posixpath.join("/", filled_in(request.workdir, given) or at),
        user=user,
        terminal=request.terminal,
        binds=(BindRequest(str(job.scratch), SCRATCH_AT), *map(_checked, around.binds)),
        namespaces=namespaces.chosen(
            around.namespaces, around.network, around.hostname, of_users=os.geteuid() != 0
        ),
        hostname=host_name(around.hostname) if around.hostname else "",
        extra_hosts=extra_hosts(around.add_hosts),
        dns=dns_servers(around.dns),
        dns_search=search_domains(around.dns_search),
        rlimits=_rlimits(job),
        seccomp=profile,
        seccomp_profile=custom,
    )


def _user(job: Job) -> ContainerUser:
    """Return who the program is; raises TaskOptionInvalid and VaultKeptClosed."""
    asked = job.request.around.user
    user = users.chosen(asked, job.request.around.rootfs)
    if user.uid == 0:
        return user
    if os.geteuid() != 0:
        # One id is all that an ordinary user can map by itself, and the runtime needs a root.
        reason = N_("an ordinary user is root in a container, and nobody else is there")
        raise TaskOptionInvalid(option="--user", value=asked, reason=reason)
    if not (job.room or job.allow_other):
        owner = pwd.getpwuid(0).pw_name
        raise VaultKeptClosed(name=job.vault_name, owner=owner, user=asked)
    return user


def _owner(user: ContainerUser) -> tuple[int, int] | None:
    return (user.uid, user.gid) if user.uid else None


def _checked(bind: BindRequest, option: str = "--bind") -> BindRequest:
    if posixpath.normpath(bind.target) == "/":
        reason = N_("that is where the system of the container is")
        raise TaskOptionInvalid(option=option, value=bind.target, reason=reason)
    return bind


def _rlimits(job: Job) -> tuple[Rlimit, ...]:
    """Return a limit for each name, the last that was asked for, and none on a core in a room."""
    limits = (no_core(), *rlimits_of(job.request), *((no_core(),) if job.room else ()))
    return tuple({one.name: one for one in limits}.values())
