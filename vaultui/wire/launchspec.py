"""What the shim is told on fd 3, and what it tells back on the status pipe.

    front end                         shim (keeper)                    child
        │ ── LaunchSpec on fd 3 ──▶       │
        │                                 │ ── fork ──▶                    │
        │ ◀── Forked(pid, keeper_pid) ────│  run.json is written by now    │
        │ ◀── StepFailed(step, errno) ────│─────────────────────────────── │  exits 253
        │ ◀── end of file = the exec happened ──────────────────────────── │

The status pipe is close-on-exec in the child; the keeper closes its own end after it wrote
Forked, so end of file means that the exec happened and nothing else. StepFailed may arrive
before Forked. Without a keeper there is no fork: the shim itself becomes the program, and
Forked carries its own pid.
"""

from __future__ import annotations

from vaultui.model.records import record
from vaultui.wire.attributes import Attributes
from vaultui.wire.rooms import RoomSpec
from vaultui.wire.runrecords import RunState
from vaultui.wire.tasks import TaskKeeperSpec

CLOSE = -1
"""In `LaunchSpec.fds`: this descriptor is closed in the child."""
LOG = -2
"""In `LaunchSpec.fds`: the writing end of the keeper's log pipe goes here."""
NULL = -3
"""In `LaunchSpec.fds`: /dev/null goes here."""

SPEC_FD = 3
"""Where the shim finds its LaunchSpec."""
PAYLOAD_FD = 4
"""What is meant for the program alone: the shim passes it on and never reads it."""
STATUS_FD = 5
"""Where the shim has the writing end of the status pipe."""
NOTIFY_FD = 6
"""Where the shim has the writing end of the notify pipe, to be passed on."""


@record(frozen=True)
class KeeperSpec:
    """How the shim stays with a mount backend after starting it."""

    vault_name: str
    run_dir: str
    """Private directory of this vault: run.json and exit.json go here."""
    mountpoint: str
    """Detached by the keeper when its backend died without unmounting."""
    log_path: str
    """Where the backend's standard output and error go, with rotation."""
    log_max_bytes: int = 1 << 20
    log_backups: int = 3
    run: RunState | None = None
    """Written to run.json by the keeper, which fills in pids and start times: so a front end
    that is killed at any moment leaves nothing behind that a later one can't find."""


@record(frozen=True)
class LaunchSpec:
    """One process to start: index i of `fds` becomes descriptor i of the child.

    Descriptors are numbered as the shim has them. Everything not listed is closed by the
    exec. The environment is complete: nothing is inherited beside it.
    """

    program: str
    """What is started, in words, for messages."""
    argv: tuple[str, ...]
    """argv[0] is an absolute path."""
    env: dict[str, str]
    fds: tuple[int, ...]
    attributes: Attributes = Attributes()
    nofile_soft: int = 0
    """Soft limit of open files to set before the exec; 0 leaves it as it is."""
    log_level: str = "info"
    keeper: KeeperSpec | None = None
    """Who stays with a mount backend. With neither of the two nothing stays behind, and the shim
    becomes the program."""
    task: TaskKeeperSpec | None = None
    """Who stays with a task."""
    room: RoomSpec | None = None
    """Of a task: the namespaces that it lives in."""


@record(frozen=True)
class Forked:
    pid: int
    keeper_pid: int = 0
    """0 when there is none."""


@record(frozen=True)
class StepFailed:
    """The child could not take `step`, named as in the table of attributes."""

    step: str
    errno: int
    """0 when it was no error of a system call."""
    text: str = ""
