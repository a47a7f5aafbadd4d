"""What is written of a process that was started, and of how it ended: run.json and exit.json.

Whoever only looks at what runs reads these, and knows nothing of how it was started.
"""

from __future__ import annotations

from dataclasses import field

from vaultui.model.records import record

RUN_FILE = "run.json"
"""In the private directory of a vault: a RunState, from the start on."""
EXIT_FILE = "exit.json"
"""In the same directory: an ExitState, from the end on."""

EXIT_LAUNCH_FAILED = 253
"""Exit status of a child that could not reach its exec."""


@record(frozen=True)
class ExitState:
    """How a process ended; written by the keeper as exit.json, readable by any later front end."""

    pid: int
    exit_code: int | None
    """None when a signal ended it."""
    signal: int | None
    core_dumped: bool
    oom_killed: bool
    started_at: float
    """Seconds since the epoch, as all times in messages."""
    ended_at: float
    user_s: float
    system_s: float
    max_rss_kib: int
    mount_detached: bool = False
    """True when the keeper had to detach a dead mount."""


@record(frozen=True)
class RunState:
    """What a front end that starts later needs to re-adopt a backend: run.json, mode 0600.

    A pid alone is never trusted: `*_start` is field 22 of /proc/PID/stat (proc(5)), in
    clock ticks since boot, and must match.
    """

    vault_id: str
    vault_name: str
    cipherdir: str
    mountpoint: str
    ctlsock: str
    log_path: str
    read_only: bool
    backend_pid: int
    backend_start: int
    keeper_pid: int
    keeper_start: int
    launched_at: float
    boot_id: str
    """Of /proc/sys/kernel/random/boot_id: pids of another boot mean nothing."""
    extra: dict[str, str] = field(default_factory=dict)
