"""Making a container: a child process gathers its parts, and becomes the runtime.

An ordinary user's is made in a user namespace, in which the user is root, and alone. The child is
in namespaces of its own, so that this process keeps no mount of the host from going.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from vaultui.linux import idmaps, namespaces
from vaultui.linux.prctl import set_parent_death_signal
from vaultui.model.errors import ContainerNotCreated, VaultuiError, from_wire
from vaultui.tasks.containers.bundle import write_bundle
from vaultui.tasks.containers.spec import ContainerSpec
from vaultui.tasks.containers.staging import stage
from vaultui.tasks.rooms import refused

FEW_THREADS: Final = {"GOMAXPROCS": "1"}
"""For runtimes in Go: their threads count where the processes of a task are limited."""


def fork_creator(spec: ContainerSpec, argv: tuple[str, ...], fds: Sequence[int]) -> int:
    """Start `argv` where the parts of the container are together; return the child's pid.

    `fds` become its standard streams. Raises VaultuiError for what went wrong before that, when
    the child is gone already. There is no other thread: the child is a copy of this process.
    """
    reading, writing = os.pipe()
    # A signal for us is not to be noted by the child, which has our handlers for a moment.
    unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _become(spec, argv, fds, writing, parent)
    signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
    os.close(writing)
    with os.fdopen(reading, "rb") as errors:
        said = errors.read()
    if not said:
        return pid
    os.waitpid(pid, 0)
    raise from_wire(json.loads(said))


def _become(
    spec: ContainerSpec, argv: tuple[str, ...], fds: Sequence[int], errors: int, parent: int
) -> NoReturn:
    """Gather everything and execute the runtime; what fails goes to `errors`, which that closes."""
    failure: VaultuiError
    try:
        _forget_signals()
        set_parent_death_signal(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        of_users = _unshare()
        staged = stage(spec, of_users=of_users)
        write_bundle(spec, staged.rootfs, staged.mounts)
        for path in staged.missing:
            print(f"vaultui: {path} is missing, and not in the container", file=sys.stderr)
        sys.stderr.flush()
        os.chdir(spec.bundle)
        for target, fd in enumerate(fds):
            os.dup2(fd, target)
        os.execve(argv[0], argv, {**os.environ, **FEW_THREADS})  # noqa: S606 - no shell is wanted
    except VaultuiError as error:
        failure = error
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        reason = f"{where}{os.strerror(error.errno or 0)}"
        failure = ContainerNotCreated(maker="vaultui", reason=reason)
    except BaseException as error:
        failure = ContainerNotCreated(maker="vaultui", reason=repr(error))
    os.write(errors, json.dumps(failure.to_wire()).encode())
    os._exit(1)


def _forget_signals() -> None:
    """Let every signal do what it does to a program that has no say in it."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) not in (signal.SIG_DFL, None):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _unshare() -> bool:
    """Go on in a mount namespace of our own; return whether that took a user namespace, too."""
    uid, gid = os.geteuid(), os.getegid()
    of_users = uid != 0
    try:
        namespaces.unshare(*(("user", "mount") if of_users else ("mount",)))
        if of_users:
            idmaps.write("self", [(0, uid, 1)], [(0, gid, 1)], setgroups=False)
    except OSError as error:
        raise refused(error) from error
    return of_users
