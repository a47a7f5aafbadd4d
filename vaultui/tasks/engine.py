"""The driver `engine`: a container of an image, which Docker or Podman makes, with the vault in it.

The task's process is a runner of ours, which asks the engine for the container, stays with it, and
has it removed. The container itself is the engine's child and nobody else's: that is why it can't
see what is private to a task, and why everything about it is undone by asking once more.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Final

from vaultui.linux.durable import write_durably
from vaultui.model.errors import (
    EngineIsOutside,
    EngineKeptOut,
    EngineLibraryMissing,
    PrivilegedRefused,
    TaskOptionInvalid,
)
from vaultui.model.language import N_
from vaultui.supervisor.environment import backend_environment
from vaultui.tasks.engines.address import EngineAddress, find_engine
from vaultui.tasks.engines.config import container_config
from vaultui.tasks.interpolation import command_of, environment_of
from vaultui.tasks.plan import BUNDLE_DIR, SCRATCH_AT, VAULT_AT, Job, TaskPlan
from vaultui.tasks.request import BindRequest
from vaultui.wire import codec
from vaultui.wire.attributes import Attributes
from vaultui.wire.engine import ENGINE_FILE, EngineSpec
from vaultui.wire.tasks import Teardown

RUNNER: Final = (sys.executable, "-I", "-m", "vaultui.tasks.engines.runner")

_ROOTS: Final = ("0", "root")


def prepare(job: Job) -> TaskPlan:
    """Return a runner, with its specification in the bundle of the task.

    Raises EngineIsOutside, PrivilegedRefused, EngineLibraryMissing, EngineUnreachable,
    EngineElsewhere, EngineKeptOut, TaskOptionInvalid or TaskCommandInvalid. Whether the engine has
    the image is told by the runner.
    """
    request = job.request
    if request.private:
        raise EngineIsOutside
    if request.around.privileged and not job.may_be_privileged:
        raise PrivilegedRefused
    if not request.around.image:
        raise TaskOptionInvalid(option="--image", value="", reason=N_("an image is needed"))
    if find_spec("docker") is None:
        raise EngineLibraryMissing
    engine = find_engine(job.vault_name)
    root_alone = _lets_root_alone(job, engine)
    mountpoint = request.around.at or VAULT_AT
    spec = _spec(job, engine, mountpoint, root_alone=root_alone)
    bundle = job.task_dir / BUNDLE_DIR
    bundle.mkdir(mode=0o700, exist_ok=True)
    spec_path = bundle / ENGINE_FILE
    write_durably(spec_path, codec.encode(spec), flush=False)
    return TaskPlan(
        argv=(*RUNNER, str(spec_path)),
        env=backend_environment(),
        attributes=Attributes(),
        mountpoint=mountpoint,
        limits_elsewhere=True,
        teardown=Teardown(
            commands=((*RUNNER, "--remove", str(spec_path)),), directories=(str(bundle),)
        ),
    )


def _spec(job: Job, engine: EngineAddress, mountpoint: str, *, root_alone: bool) -> EngineSpec:
    request = job.request
    given = environment_of(request.env, job.variables(mountpoint, SCRATCH_AT))
    config = container_config(
        request,
        engine,
        command_of(request.command, given),
        given,
        task_id=job.task_id,
        vault=BindRequest(job.mountpoint, mountpoint, read_only=request.read_only),
        # In memory, both of them: what a task leaves there is plaintext of the vault.
        in_memory=(SCRATCH_AT, "/tmp"),  # noqa: S108 - the container's own
    )
    return EngineSpec(
        address=engine.path,
        api_version=engine.api_version,
        name=f"vaultui-{job.task_id}",
        vault_name=job.vault_name,
        vault=job.mountpoint,
        config=config,
        terminal=request.terminal,
        interactive=request.interactive,
        root_alone=root_alone,
        left_out=tuple(
            bind.source for bind in request.around.binds if not os.path.lexists(bind.source)
        ),
    )


def _lets_root_alone(job: Job, engine: EngineAddress) -> bool:
    """Tell whether the container's root is all that may enter the vault; raises EngineKeptOut.

    The kernel lets nobody into a FUSE mount but the user who mounted it, root as little as
    others, fuse(4); an engine of that user shows this user as root to its containers.
    """
    if job.allow_other:
        return False
    if engine.uid != os.geteuid():
        reason = N_("it runs as another user, and the vault lets nobody else in")
        raise EngineKeptOut(where=engine.path, name=job.vault_name, reason=reason)
    if job.request.around.user and job.request.around.user.partition(":")[0] not in _ROOTS:
        reason = N_("they are to run as another user, and the vault lets nobody else in")
        raise EngineKeptOut(where=engine.path, name=job.vault_name, reason=reason)
    return True
