"""From a LaunchSpec on descriptor 3 to a running program, with or without a keeper."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

from vaultui.shim import attributes
from vaultui.wire import framing
from vaultui.wire.launchspec import (
    LOG,
    NULL,
    SPEC_FD,
    STATUS_FD,
    Forked,
    KeeperSpec,
    LaunchSpec,
    StepFailed,
)
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED


def main() -> NoReturn:
    """Read the specification and carry it out; never returns."""
    for fd in (SPEC_FD, STATUS_FD):
        os.set_inheritable(fd, False)
    spec = framing.read_message(SPEC_FD, LaunchSpec)
    if spec is None:
        sys.exit("the launch specification is missing")
    os.close(SPEC_FD)
    if spec.task is not None:
        _leave_parent()
        from vaultui.shim.taskstart import start_task

        start_task(spec, spec.task, lambda fds: _filled_in(fds, log=-1), _give_up)
    if spec.keeper is None:
        framing.write_message(STATUS_FD, Forked(os.getpid()))
        attributes.become(spec, _filled_in(spec.fds, log=-1), STATUS_FD)
    _leave_parent()
    _start_kept(spec, spec.keeper)


def _leave_parent() -> None:
    """Go on in a grandchild of the front end.

    It has nothing to reap when the keeper ends, so a front end that runs for weeks collects
    no zombies, and one that starts later is in no other position than the first.
    """
    if _fork() > 0:
        os._exit(0)
    os.setsid()


def _start_kept(spec: LaunchSpec, keeper_spec: KeeperSpec) -> NoReturn:
    try:
        run_dir = os.open(keeper_spec.run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        _give_up("run directory", error)
    log_reading, log_writing = os.pipe()
    try:
        pid = attributes.start(spec, _filled_in(spec.fds, log=log_writing), STATUS_FD)
    except OSError as error:
        _give_up("fork", error)
    # The program is on its way; what the keeper alone needs is imported meanwhile.
    from vaultui.shim.keeper import Keeper

    keeper = Keeper(keeper_spec, pid, log=log_reading, run_dir=run_dir)
    try:
        keeper.record_start()
    except OSError as error:
        # Without that record a later front end could not find the mount.
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        _give_up("run record", error)
    framing.write_message(STATUS_FD, Forked(pid, os.getpid()))
    os._exit(keeper.keep())


def _filled_in(fds: Sequence[int], log: int) -> list[int]:
    """Return `fds` with real descriptors for LOG and NULL."""
    real = {LOG: log}
    if NULL in fds:
        real[NULL] = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    return [real.get(fd, fd) for fd in fds]


def _fork() -> int:
    try:
        return os.fork()
    except OSError as error:
        _give_up("fork", error)


def _give_up(step: str, error: OSError) -> NoReturn:
    framing.write_message(STATUS_FD, StepFailed(step, error.errno or 0, str(error)))
    os._exit(EXIT_LAUNCH_FAILED)
