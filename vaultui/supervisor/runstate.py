"""The private directory of a vault: what runs for it, and how the last one ended.

    run.json    RunState, written by the keeper when it has started a backend
    exit.json   ExitState, written by the keeper when the backend has ended
    ctl.sock    the backend's control socket

Only these files connect one front end with the next. They are believed as far as /proc
confirms them: pids with their start times, within the same boot.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final, TypeVar

from vaultui.linux import process
from vaultui.linux.durable import remove_temporaries
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import ProtocolError, RuntimeDirUnsafe
from vaultui.model.language import N_
from vaultui.wire import codec
from vaultui.wire.runrecords import EXIT_FILE, RUN_FILE, ExitState, RunState

CTLSOCK_FILE: Final = "ctl.sock"

T = TypeVar("T")


def prepare_run_dir(run_dir: Path) -> None:
    """Make the directory, or check it: ours, and entered by nobody else.

    Raises RuntimeDirUnsafe.
    """
    try:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = run_dir.lstat()
    except OSError as error:
        raise RuntimeDirUnsafe(path=str(run_dir), reason=reason_of(error)) from error
    if not stat.S_ISDIR(status.st_mode):
        raise RuntimeDirUnsafe(path=str(run_dir), reason=N_("it is not a directory"))
    if status.st_uid != os.geteuid():
        raise RuntimeDirUnsafe(path=str(run_dir), reason=N_("it belongs to another user"))
    if status.st_mode & 0o077:
        raise RuntimeDirUnsafe(path=str(run_dir), reason=N_("other users may enter it"))


def load_run(run_dir: Path) -> RunState | None:
    """Return what was started last for this vault in this boot, or None.

    Also None for a file that can't be understood: it is then as good as none.
    """
    run = _load(run_dir / RUN_FILE, RunState)
    return run if run is not None and run.boot_id == process.boot_id() else None


def load_exit(run_dir: Path) -> ExitState | None:
    """Return how the backend of run.json ended, or None while it runs or if nobody knows."""
    ended = _load(run_dir / EXIT_FILE, ExitState)
    run = load_run(run_dir)
    # A keeper that is slow may write after the next start; the pid tells whose it is.
    return ended if ended is not None and run is not None and ended.pid == run.backend_pid else None


def backend_alive(run: RunState) -> bool:
    return process.is_same_process(run.backend_pid, run.backend_start)


def keeper_alive(run: RunState) -> bool:
    return process.is_same_process(run.keeper_pid, run.keeper_start)


def clear_run_dir(run_dir: Path) -> None:
    """Remove what an ended backend left; the directory stays. Never call it for a live one."""
    for name in (RUN_FILE, EXIT_FILE, CTLSOCK_FILE):
        with contextlib.suppress(FileNotFoundError):
            # A keeper that was killed while it wrote leaves what it had.
            remove_temporaries(run_dir / name)
            (run_dir / name).unlink()


def _load(path: Path, kind: type[T]) -> T | None:
    try:
        return codec.decode(path.read_bytes(), kind)
    except (OSError, ProtocolError):
        return None
