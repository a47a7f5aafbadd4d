"""The init of a task's pid namespace: the kernel kills everybody in it when it ends.

It gives the task what it sees, starts it, and reaps orphans. Signals for the task come as bytes
on a pipe, since the kernel keeps those of its own namespace from an init. At the end of that
pipe the room is gone, and with it every reason to stay.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import NoReturn

from vaultui.linux import mounting, namespaces, prctl
from vaultui.shim.staying import SignalPipe, close_all_but
from vaultui.wire import framing
from vaultui.wire.attributes import Namespace
from vaultui.wire.launchspec import StepFailed
from vaultui.wire.rooms import PROCESSES_STEP, RoomSpec
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED
from vaultui.wire.taskend import Reaped

_OF_THE_ROOM = (Namespace.USER, Namespace.PID)
"""The kinds that it was born in."""

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
"""From linux/sockios.h and linux/if.h; the structure is that of netdevice(7)."""


@dataclass(frozen=True)
class Pipes:
    control: int
    """Numbers of signals for the task, one byte each."""
    told: int
    """Where the room reads how the task ended."""
    status: int
    task: Collection[int]
    """What `begin` needs."""


def live(spec: RoomSpec, pipes: Pipes, begin: Callable[[], int], stop_signal: int) -> NoReturn:
    """Have the task begun by `begin`, which returns its pid; stay until somebody ends us."""
    step = "parent-death signal"
    try:
        prctl.set_parent_death_signal(signal.SIGKILL)
        prctl.set_name("vaultui-init")
        signals = SignalPipe((signal.SIGCHLD,))
        kept = {pipes.control, pipes.told, *signals.fds}
        close_all_but({pipes.status, *pipes.task} | kept)
        step = "other namespaces"
        namespaces.unshare(*(kind.value for kind in spec.namespaces if kind not in _OF_THE_ROOM))
        if Namespace.NETWORK in spec.namespaces:
            _raise_loopback()
        if spec.hostname:
            socket.sethostname(spec.hostname)
        if spec.backend is not None:
            step = "mount"
            # Until somebody asks for them the kernel takes root for the owner of its root
            # directory. In a user namespace nobody is root, and nothing could be written there.
            os.stat(spec.backend.mountpoint)
        if spec.read_only:
            step = "read-only vault"
            _show_read_only(spec.read_only)
        step = "view"
        if spec.view is None:
            _show_own_processes()
        else:
            # Imported here: a private vault alone needs no view.
            from vaultui.shim import view

            _import_what_steps_import()
            view.assemble(spec.view)
            step = PROCESSES_STEP
            view.show_processes(spec.view)
            step = "view"
            view.enter(spec.view)
        step = "fork"
        task = begin()
        close_all_but(kept)
        _stay(task, pipes, signals, stop_signal)
    except BaseException as error:
        number = error.errno if isinstance(error, OSError) and error.errno else 0
        with contextlib.suppress(OSError):
            framing.write_message(pipes.status, StepFailed(step, number, str(error)))
    finally:
        os._exit(EXIT_LAUNCH_FAILED)


def _import_what_steps_import() -> None:
    """Have what a step of the task may need: there may be no Python in what it sees."""
    from vaultui.linux import capabilities, controllingterminal, idmaps, ptrace  # noqa: F401


def _show_read_only(mountpoint: str) -> None:
    """Have what is mounted there once more over itself, where it can't be written to."""
    from vaultui.linux import mounttree

    mounting.bind(mountpoint, mountpoint)
    mounttree.set_read_only(mountpoint)


def _show_own_processes() -> None:
    """Mount a /proc of this pid namespace over the other one, where the kernel lets us."""
    with contextlib.suppress(PermissionError):
        mounting.mount_proc("/proc")


def _raise_loopback() -> None:
    """A program that talks to itself over the network can do so without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))


def _stay(task: int, pipes: Pipes, signals: SignalPipe, stop_signal: int) -> None:
    """Return when nobody is left who could end this process."""
    poll = select.poll()
    poll.register(signals, select.POLLIN)
    poll.register(pipes.control, select.POLLIN)
    while True:
        ready = {fd for fd, _ in poll.poll()}
        if signals.fileno() in ready:
            signals.taken()
            _reap(task, pipes.told)
        if pipes.control in ready:
            numbers = os.read(pipes.control, 16)
            if not numbers:
                return
            for number in numbers:
                _pass_on(number, task, stop_signal)


def _reap(task: int, told: int) -> None:
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid == task:
            reaped = Reaped(status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss)
            framing.write_message(told, reaped)


def _pass_on(number: int, task: int, stop_signal: int) -> None:
    """SIGTERM is for everybody to end, anything else for the group of the task."""
    with contextlib.suppress(ProcessLookupError):
        if number == signal.SIGTERM:
            os.kill(-1, stop_signal)
        else:
            os.killpg(os.getpgid(task), number)
