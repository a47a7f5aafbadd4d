"""A room: namespaces of a task's own, and what is in them before the task begins.

    warden                    room                  mount backend       init           task
       │ ── fork ──▶             │                        │               │              │
       │                         │  mount namespace       │               │              │
       │                         │ ── fork, exec ──▶      │  MountSpec on 4              │
       │   (front end)  ◀── Starting, Step, Ready on notify               │              │
       │   GO ──────────────────▶│ ── fork ───────────────────────▶       │  view        │
       │                         │                        │               │ ── fork ──▶  │
       │ ◀── Reaped ─────────────│ ◀── Reaped ────────────────────────────│ ◀── ended ── │
       │                         │  ends init, and so     │               │
       │                         │  everybody of its pid  │               │
       │                         │  namespace; then ──▶   │  unmounts
       │ ◀── ended ──────────────│

The backend mounts in the mount namespace of the room; init has a copy of that with the mount in
it, and a pid namespace, so that nobody of the task can outlive it. The room is the one to be
signalled from outside: SIGTERM asks everybody of the task to end, SIGINT goes to the task's group,
SIGQUIT kills them at once. When it is killed itself the kernel ends init, and tells the
backend to unmount. When whoever could tell it to end is gone, it ends by itself.
"""

from __future__ import annotations

from vaultui.model.records import record
from vaultui.wire.attributes import Namespace

BACKEND_STEP = "mount backend"
"""The step that fails when the backend has ended before GO."""
NAMESPACE_STEPS = frozenset(
    ("user namespace", "mount namespace", "pid namespace", "other namespaces")
)
"""The steps that fail where namespaces are forbidden."""
PROCESSES_STEP = "processes"
"""The step that fails where a view cannot have a /proc of its own."""


@record(frozen=True)
class Bind:
    """Part of one tree shown in another place. One that is missing is told and left out."""

    source: str
    target: str
    read_only: bool = True
    devices: bool = True
    """Of a read-only one: whether its device files lead to devices."""


@record(frozen=True)
class EmptyDirectory:
    """A directory in memory that the task may write to, and that nobody else sees."""

    target: str
    mode: int = 0o700
    uid: int = -1
    """-1 for who makes the room."""
    gid: int = -1


@record(frozen=True)
class View:
    """A root directory of the task's own. Nothing of the old one can be reached from it."""

    staging: str
    """An empty directory, on which it is put together."""
    binds: tuple[Bind, ...] = ()
    """In their order; the first for a target wins."""
    directories: tuple[EmptyDirectory, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    """Symbolic links: the name, and what is in it."""


@record(frozen=True)
class RoomBackend:
    """A mount backend that lives in the room alone; its MountSpec is the payload of the shim."""

    argv: tuple[str, ...]
    """Finds the payload on 4 and the notify pipe on 5, as any backend."""
    env: dict[str, str]
    mountpoint: str
    log_path: str
    """Where its standard output and error go, with rotation."""
    log_max_bytes: int = 1 << 20
    log_backups: int = 3
    nofile_soft: int = 0
    ambient_capabilities: tuple[str, ...] = ()
    grace_s: float = 5.0
    """What it gets to unmount when the task has ended."""


@record(frozen=True)
class RoomSpec:
    namespaces: tuple[Namespace, ...]
    """MOUNT and PID, and what else the task is to have for itself. USER is for whoever is not
    root: with it everybody is there who they are outside, and nobody else is known."""
    backend: RoomBackend | None = None
    """None: the vault is open already."""
    view: View | None = None
    """None: the system as it is, with the private mount in it."""
    read_only: str = ""
    """A mount that others write to, and nobody in here; empty for none."""
    hostname: str = ""
    """Needs UTS; empty for that of the machine."""
