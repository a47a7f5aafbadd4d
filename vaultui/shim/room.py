"""The process between the warden of a task and all that is private about the task.

`wire.rooms` has the drawing. It makes the mount namespace, starts the mount backend in it and,
on GO, the init of the task's pid namespace; then it waits for the end and sees to its order:
first everybody of the task, so that nobody uses the mount any more, then the backend. It never
touches the mount itself.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final, NoReturn

from vaultui.linux import idmaps, mounting, namespaces, prctl, process
from vaultui.linux.mounting import MountFlag
from vaultui.shim import go, roominit
from vaultui.shim.roombackend import Backend
from vaultui.shim.staying import UNHEEDED, SignalPipe, close_all_but
from vaultui.wire import framing
from vaultui.wire.attributes import Namespace
from vaultui.wire.launchspec import StepFailed
from vaultui.wire.rooms import BACKEND_STEP, RoomSpec
from vaultui.wire.runrecords import EXIT_LAUNCH_FAILED
from vaultui.wire.taskend import Reaped

_PASSED_ON: Final = frozenset((signal.SIGTERM, signal.SIGINT))
_ENDING: Final = frozenset((signal.SIGQUIT, *_PASSED_ON))
_PARENT_DIED: Final = signal.SIGUSR2


@dataclass(frozen=True)
class Pipes:
    """Descriptors that the room has a use for; it closes all others that it was born with."""

    status: int
    go: int
    payload: int
    notify: int
    task: Collection[int]
    """What `begin` needs."""


@dataclass(frozen=True)
class Room:
    """A room, as the warden has it."""

    pid: int
    """A child of the warden, which ends when nothing is left of all that is in the room."""
    ended: int
    """Here `Reaped` comes when the task has ended, then end of file: alone where it never began."""


def open_room(spec: RoomSpec, pipes: Pipes, begin: Callable[[], int], *, stop_signal: int) -> Room:
    """Make a room in a child, and return at once.

    `begin` forks the task and returns its pid; it is called in the init of the pid namespace. A
    step that fails is told on the status pipe, which has its end when the task was executed.
    Our own parent, the keeper, has the room when we are killed; without both it ends.
    """
    reading, writing = os.pipe()
    guardians = (os.getpid(), os.getppid())
    pid = os.fork()
    if pid == 0:
        _RoomProcess(spec, pipes, writing, begin, stop_signal, guardians).live()
    os.close(writing)
    return Room(pid, reading)


class _RoomProcess:
    def __init__(
        self,
        spec: RoomSpec,
        pipes: Pipes,
        ended: int,
        begin: Callable[[], int],
        stop_signal: int,
        guardians: tuple[int, int],
    ) -> None:
        """`ended` is where the warden reads how the task ended. Of the `guardians`, which are pids
        of the warden and its keeper, one has to be our parent."""
        self._spec = spec
        self._pipes = pipes
        self._ended = ended
        self._begin = begin
        self._stop_signal = stop_signal
        self._guardians = guardians
        self._step = "session"
        self._backend: Backend | None = None
        self._init = 0
        self._control = self._told = -1
        self._untold: int | None = None

    def live(self) -> NoReturn:
        code = EXIT_LAUNCH_FAILED
        try:
            self._make()
            if self._is_to_begin():
                self._start_init()
                self._stay()
            code = 0
        except BaseException as error:
            if not self._init:  # which has the status pipe, and says itself what fails in there
                number = error.errno if isinstance(error, OSError) and error.errno else 0
                message = StepFailed(self._step, number, str(error))
                with contextlib.suppress(BrokenPipeError):
                    framing.write_message(self._pipes.status, message)
        try:
            if not self._put_away():
                code = EXIT_LAUNCH_FAILED
            if self._untold is not None:
                process.end_like(self._untold)
        finally:
            os._exit(code)

    def _make(self) -> None:
        """Enter the namespaces of the room, and start the backend in them."""
        os.setsid()
        self._signals = SignalPipe((*_ENDING, _PARENT_DIED, *UNHEEDED))
        prctl.set_name("vaultui-room")
        pipes = self._pipes
        for_backend = (pipes.payload, pipes.notify)
        self._close_all_but(*(pipes.status, pipes.go), *for_backend, *pipes.task)
        if Namespace.USER in self._spec.namespaces:
            self._step = "user namespace"
            uid, gid = os.geteuid(), os.getegid()
            namespaces.unshare("user")
            idmaps.write("self", [(uid, uid, 1)], [(gid, gid, 1)], setgroups=False)
        self._step = "mount namespace"
        namespaces.unshare("mount")
        # Nothing goes back to the others. What they unmount goes away here, too: a drive that is
        # taken out, and other vaults. Private, this would keep it in use, and nobody would know.
        mounting.set_propagation("/", MountFlag.SLAVE)
        # Behind the user namespace, with which the kernel takes it back.
        prctl.set_parent_death_signal(_PARENT_DIED)
        if self._spec.backend is not None:
            self._step = BACKEND_STEP
            self._backend = Backend(self._spec.backend, *for_backend, pipes.status)
        # The backend alone has them from now on, and their end is its end.
        for fd in for_backend:
            os.close(fd)

    def _is_to_begin(self) -> bool:
        """Wait for GO and return True; False when nobody is left to say it, or who takes it back.

        Raises ChildProcessError where the backend has ended meanwhile.
        """
        poll = _poll(self._signals.fileno(), self._pipes.go)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if self._signals.taken() & _ENDING or not self._is_guarded():
                return False
            if self._pipes.go in ready:
                if not go.was_given(self._pipes.go):
                    return False
                if self._backend is not None:
                    self._backend.check_alive()
                return True

    def _start_init(self) -> None:
        self._step = "pid namespace"
        control, self._control = os.pipe()
        self._told, told = os.pipe()
        namespaces.unshare("pid")
        self._init = os.fork()
        if self._init == 0:
            signal.set_wakeup_fd(-1)
            pipes = roominit.Pipes(control, told, self._pipes.status, self._pipes.task)
            roominit.live(self._spec, pipes, self._begin, self._stop_signal)
        # The status pipe among them, so that its end means that the task was executed.
        backend = self._backend
        kept = () if backend is None else (backend.log, backend.pidfd)
        self._close_all_but(self._control, self._told, *kept)

    def _stay(self) -> None:
        """Return when the task has ended, or when it is to end at once."""
        poll = _poll(self._signals.fileno(), self._told)
        backend = self._backend
        if backend is not None:
            poll.register(backend.log, select.POLLIN)
        while self._is_guarded():
            ready = {fd for fd, _ in poll.poll()}
            if backend is not None and backend.log in ready and not backend.pass_on():
                poll.unregister(backend.log)
            came = self._signals.taken()
            if signal.SIGQUIT in came or self._told in ready:
                return
            with contextlib.suppress(BrokenPipeError):  # init has just ended, and that is told
                os.write(self._control, bytes(came & _PASSED_ON))

    def _is_guarded(self) -> bool:
        return os.getppid() in self._guardians

    def _put_away(self) -> bool:
        """End all that is left; return whether the task had begun, or was not to begin."""
        begun = True
        if self._init:
            begun = self._end_init()
        if self._backend is not None:
            self._backend.end()
        return begun

    def _end_init(self) -> bool:
        """Kill the init and with it everybody of the task; tell how the task ended.

        Returns False where init ended before there was a task.
        """
        os.kill(self._init, signal.SIGKILL)
        if self._backend is not None:
            # It ends when all others of its pid namespace have, and whoever waits for a backend
            # that hangs can't.
            self._backend.kill_unless_ended(self._init)
        _, status, usage = os.wait4(self._init, 0)
        reaped = framing.read_message(self._told, Reaped)
        if reaped is None:
            if os.WIFEXITED(status):
                return False
            # The task was killed in the same moment, and nobody had the time to reap it.
            reaped = Reaped(status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss)
        try:
            framing.write_message(self._ended, reaped)
        except BrokenPipeError:
            # The warden was killed. Who has us now takes our end for that of the task.
            self._untold = reaped.status
        os.close(self._ended)
        return True

    def _close_all_but(self, *kept: int) -> None:
        close_all_but({self._ended, *self._signals.fds, *kept})


def _poll(*fds: int) -> select.poll:
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    return poll
