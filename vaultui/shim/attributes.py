"""What a new process is given between fork and exec, step by step.

The order matters and is fixed here: the session before the signals, so that no terminal
reaches the process with default handlers; the working directory before the descriptors,
so that an error can still be reported; the limit of open files last, because the steps
before may need room.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Sequence
from typing import NoReturn

from vaultui.shim import descriptors
from vaultui.wire import framing
from vaultui.wire.attributes import Attributes
from vaultui.wire.launchspec import EXIT_LAUNCH_FAILED, LaunchSpec, StepFailed


def become(spec: LaunchSpec, fds: Sequence[int], status: int) -> NoReturn:
    """Take all steps and execute the program; never returns.

    The step that fails and its errno go to the `status` descriptor, and the process exits
    with 253. `fds` is `spec.fds` with its placeholders filled in.
    """
    step = "start"
    try:
        step = "session"
        # The leader of a session can't start another one, and has what it needs already.
        if spec.attributes.new_session and os.getsid(0) != os.getpid():
            os.setsid()
        step = "signals"
        _restore_signals()
        step = "working directory"
        os.chdir(spec.attributes.cwd)
        step = "parent-death signal"
        _set_parent_death_signal(spec.attributes)
        step = "descriptors"
        status = descriptors.place(fds, status)
        step = "open-file limit"
        _set_open_file_limit(spec.nofile_soft)
        step = "exec"
        os.execve(spec.argv[0], spec.argv, spec.env)  # noqa: S606 - no shell is wanted
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) and error.errno else 0
        framing.write_message(status, StepFailed(step, number, str(error)))
    finally:
        os._exit(EXIT_LAUNCH_FAILED)


def _restore_signals() -> None:
    """Give every signal its default action, and block none.

    Python ignores SIGPIPE, and an ignored signal stays ignored over an exec.
    """
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        # Some numbers belong to the C library and can't be set.
        if signal.getsignal(number) not in (signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _set_parent_death_signal(wanted: Attributes) -> None:
    if not wanted.parent_death_signal:
        return
    # Imported here: ctypes costs as much as the rest of the shim, and few need it.
    from vaultui.linux.prctl import set_parent_death_signal

    set_parent_death_signal(wanted.parent_death_signal)
    if wanted.parent_pid and os.getppid() != wanted.parent_pid:
        os.kill(os.getpid(), wanted.parent_death_signal)


def _set_open_file_limit(wanted: int) -> None:
    if not wanted:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
