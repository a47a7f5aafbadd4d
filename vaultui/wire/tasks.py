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
anybody uses it. End of file instead means that the front end is gone: nothing is started.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

TASK_FILE = "task.json"
"""In the directory of a task: a TaskRecord, from the start on."""
STDOUT_FILE = "stdout.log"
STDERR_FILE = "stderr.log"
"""In the same directory: what it wrote, with rotation; not there for a task with a terminal."""
FAILURE_FILE = "failure.json"
"""In the same directory: why a runner could not begin, as the error's `to_wire`."""
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

STDERR_LOG = -4
"""In `LaunchSpec.fds`: the keeper's pipe for errors goes here; LOG is the one for output."""


class Driver(Enum):
    COMMAND = "command"
    ISOLATED = "isolated"
    OCI = "oci"
    ENGINE = "engine"


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
    argv: tuple[str, ...]
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
    task_pid: int = 0
    """The keeper fills in this and the rest."""
    task_start: int = 0
    warden_pid: int = 0
    warden_start: int = 0
    keeper_pid: int = 0
    keeper_start: int = 0
    boot_id: str = ""


@dataclass(frozen=True)
class Teardown:
    """What is put away when a task has ended, however it did; each step may be done twice."""

    commands: tuple[tuple[str, ...], ...] = ()
    """Run in turn, each with a time limit; what they say goes to the errors of the task."""
    directories: tuple[str, ...] = ()
    """Removed with all that is in them, never through a link or over a mount."""


@dataclass(frozen=True)
class TaskKeeperSpec:
    """How the shim stays with a task: `LaunchSpec.task`."""

    record: TaskRecord
    task_dir: str
    grace_s: float = 10.0
    """Between the signal that asks and the one that kills."""
    stop_signal: int = 15
    log_max_bytes: int = 1 << 20
    log_backups: int = 3
    teardown: Teardown = Teardown()
