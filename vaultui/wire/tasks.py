"""A task: a program that a user runs against an unlocked vault, and who stays with it.

    front end                keeper                  warden                 task
        │ ── LaunchSpec ──▶    │                       │                      │
        │                      │ ── fork ──▶           │                      │
        │                      │                       │ ── fork ──▶          │
        │ ◀── Forked ──────────│  task.json is written by now                 │
        │ ── GO ──────────────────────────────────────▶│ ── goes on ─────▶    │
        │ ◀── end of file on the status pipe = the exec happened ──────────── │
        │                      │ ◀──── output ──────────────────────────────  │
        │                      │                       │ ◀── it ended ─────── │
        │                      │  exit.json, then everything is put away      │

Keeper and warden are each other's insurance. The warden is the parent of the task and a child
subreaper, so that no descendant of the task gets lost: when the keeper dies the warden ends them
all, and when the warden dies the keeper does, who adopts them. Both know how to put away what the
task had: its control group, its directories, its container.

The task waits for GO, a byte on a pipe, because the vault must know whom it is open for before
anybody uses it. Nobody takes the byte out: whoever wants to know whether GO was given looks at
the pipe. End of file instead means that the front end is gone: nothing is started, and nothing
of it is kept.

SIGTERM asks the keeper to stop the task: the stop signal, the grace, SIGKILL. SIGQUIT asks for
its end now. Both reach all descendants, those in groups and sessions of their own, too.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum

from vaultui.model.records import record

TASK_FILE = "task.json"
"""In the directory of a task: a TaskRecord, from the start on."""
STDOUT_FILE = "stdout.log"
STDERR_FILE = "stderr.log"
"""In the same directory: what it wrote, with rotation; not there for a task with a terminal."""
FAILURE_FILE = "failure.json"
"""In the same directory: why a runner could not begin, as the error's `to_wire`."""
OUT_OF_MEMORY_FILE = "out-of-memory"
"""In the same directory: a runner saw that the kernel killed its container for memory."""
SCRATCH_DIR = "scratch"
"""In the same directory: ${TASK_DIR}, gone when the task has ended."""

GO_FD = 7
"""Where the shim has the reading end of the pipe on which GO comes."""
STDIN_FD = 8
"""Where the shim has the task's standard input, or its terminal."""
STDOUT_FD = 9
"""Where the shim has a pipe to whoever follows live; closed for a detached task."""
STDERR_FD = 10
GO = b"g"

RELAYED_KILL_S = 10.0
"""What a first process that passes signals on gets to put away what it started."""

STDERR_LOG = -4
"""In `LaunchSpec.fds`: the keeper's pipe for errors goes here; LOG is the one for output."""


class TaskState(Enum):
    STARTING = "starting"
    """GO has not come yet."""
    RUNNING = "running"
    STOPPING = "stopping"
    ENDED = "ended"
    LOST = "lost"
    """Nobody is left who could know how it ended."""


class Driver(Enum):
    COMMAND = "command"
    ISOLATED = "isolated"
    OCI = "oci"
    ENGINE = "engine"


@record(frozen=True)
class Limits:
    """What a task may use, all that belongs to it together; 0 for as much as there is."""

    memory_bytes: int = 0
    """Without swap: what is over it is killed."""
    cpus: float = 0.0
    """Of a second of CPU time in each second: 0.5 is half a CPU, 2.0 are two."""
    pids: int = 0
    open_files: int = 0
    """Soft limit for each process."""
    open_files_hard: int = 0
    """0: the same as the soft one."""
    time_s: float = 0.0


@record(frozen=True)
class Teardown:
    """What is put away when a task has ended, however it did; each step may be done twice."""

    commands: tuple[tuple[str, ...], ...] = ()
    """Run in turn, each with a time limit; what they say goes to the errors of the task."""
    directories: tuple[str, ...] = ()
    """Removed with all that is in them, never through a link or over a mount."""


@record(frozen=True)
class TaskRecord:
    """What a later front end needs to know of a task: task.json, mode 0600.

    A pid alone is never trusted: `*_start` as in RunState.
    """

    task_id: str
    title: str
    """The name of a saved task, or the command's own."""
    vault_id: str
    vault_name: str
    driver: Driver
    argv: tuple[str, ...] = field(repr=False)
    """As it was asked for, before anything was filled in."""
    private: bool = False
    read_only: bool = False
    terminal: bool = False
    saved: bool = False
    """It was started by the name it is saved under."""
    limits: Limits = Limits()
    mountpoint: str = ""
    """Where the task sees the vault."""
    launched_at: float = 0.0
    state: TaskState = TaskState.STARTING
    """As far as the keeper has come; the keeper fills in this and the rest. Believed only while
    one of the processes below is there."""
    task_pid: int = 0
    """Of the first process of a room where the task lives in one."""
    task_start: int = 0
    warden_pid: int = 0
    warden_start: int = 0
    keeper_pid: int = 0
    keeper_start: int = 0
    boot_id: str = ""
    relayed: bool = False
    """The first process is that of a room, or runs a container, and passes signals on to what it
    started. It alone gets the stop signal and, where that did not help, SIGQUIT: to kill what it
    started, and to put that away. What is still there after RELAYED_KILL_S is killed."""
    groups: tuple[str, ...] = ()
    """Directories of its control group, one for each tree that it is in."""
    teardown: Teardown = Teardown()
    """As in `TaskKeeperSpec`, for those who find a task that nobody has seen to."""


@record(frozen=True)
class TaskKeeperSpec:
    """How the shim stays with a task: `LaunchSpec.task`."""

    record: TaskRecord
    task_dir: str
    grace_s: float = 10.0
    """Between the signal that asks and the one that kills."""
    stop_signal: int = 15
    log_max_bytes: int = 1 << 20
    log_backups: int = 3
    grouped: bool = True
    """Memory, CPU and the number of processes are limited in a control group that the keeper
    makes; if not, whoever the task asks for a container sees to that."""
    live: bool = False
    """Somebody reads along on STDOUT_FD and STDERR_FD, and the task waits for them."""
    teardown: Teardown = Teardown()
