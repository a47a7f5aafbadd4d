"""What a driver makes of a request: `prepare` of each driver's module returns a TaskPlan.

    tasks.command     the program as it is
    tasks.isolated    the program in a view of its own
    tasks.oci         a runner, which has an OCI runtime make a container
    tasks.engine      a runner, which has Docker or Podman do so

    def prepare(job: Job) -> TaskPlan: …

`prepare` may block, and is called in a thread before anything of the task exists: what can be
known to be wrong is raised there. It may write into the directory of the task.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

from vaultui.tasks.interpolation import MOUNT, NAME, TASK_DIR
from vaultui.tasks.request import TaskRequest
from vaultui.wire.attributes import Attributes
from vaultui.wire.rooms import RoomSpec
from vaultui.wire.tasks import SCRATCH_DIR, Driver, Teardown

BUNDLE_DIR: Final = "bundle"
"""In the directory of a task: what the runner of a container is given, and what it keeps."""
VAULT_AT: Final = "/vault"
"""Where a task finds the vault in a system that is not ours, unless it is asked to be elsewhere."""
SCRATCH_AT: Final = "/task"
"""Where ${TASK_DIR} is for a task with a view of its own."""

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where programs are looked for in a system that is not the one we run on."""


@dataclass(frozen=True)
class Job:
    """A request, and the vault that it is for."""

    task_id: str
    task_dir: Path
    """Of this task alone: there already, with the mode 0700 and with SCRATCH_DIR in it."""
    vault_name: str
    mountpoint: str
    """Where the vault is open, or will be by the time the task begins."""
    request: TaskRequest
    room: bool = False
    """The vault is opened in a room, for this task alone."""
    allow_other: bool = False
    """An open vault may be entered by other users. A private one always can be."""
    keep_read_only: bool = False
    """The vault is open already and can be written to, which the task is not to do."""
    may_be_privileged: bool = False
    """The settings of the program allow privileged containers."""

    @property
    def scratch(self) -> Path:
        return self.task_dir / SCRATCH_DIR

    def variables(self, mountpoint: str = "", scratch: str = "") -> dict[str, str]:
        """Return what is filled in; a driver with a view of its own says where things are there."""
        return {
            MOUNT: mountpoint or self.mountpoint,
            NAME: self.vault_name,
            TASK_DIR: scratch or str(self.scratch),
        }


@dataclass(frozen=True)
class TaskPlan:
    """What is to be started, and how."""

    argv: tuple[str, ...]
    """argv[0] is an absolute path."""
    env: dict[str, str]
    attributes: Attributes = Attributes()  # noqa: RUF009 - it is frozen
    mountpoint: str = ""
    """Where the task finds the vault."""
    room: RoomSpec | None = None
    """Namespaces that the driver needs, without a backend; for a private vault that is added."""
    owner: tuple[int, int] | None = None
    """User and group that a private mount is shown to belong to, where they are not ours."""
    limits_elsewhere: bool = False
    """Memory, CPU and the number of processes are limited by whom the runner asks."""
    teardown: Teardown = field(default_factory=Teardown)


def prepare(job: Job) -> TaskPlan:
    """Return what the driver of the request makes of it; raises what stands in its way."""
    module = importlib.import_module(_DRIVERS[job.request.driver])
    return cast("Callable[[Job], TaskPlan]", module.prepare)(job)


_DRIVERS = {
    Driver.COMMAND: "vaultui.tasks.command",
    Driver.ISOLATED: "vaultui.tasks.isolated",
    Driver.OCI: "vaultui.tasks.oci",
    Driver.ENGINE: "vaultui.tasks.engine",
}
