"""The parent of a task: it learns how the task ends, and takes in what the task leaves behind.

As long as the keeper lives the warden only watches and tells. When the keeper is gone, it ends all
that is left and puts it away, as the keeper would have done.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import dataclass, replace
from typing import NoReturn

from vaultui.linux.controlgroup import enter
from vaultui.linux.prctl import set_child_subreaper, set_name
from vaultui.shim import attributes, go
from vaultui.shim.aftermath import Aftermath
from vaultui.shim.ending import Ending
from vaultui.shim.staying import UNHEEDED, SignalPipe, close_all_but
from vaultui.shim.taskoutput import TaskOutput
from vaultui.wire import framing
from vaultui.wire.launchspec import NOTIFY_FD, PAYLOAD_FD, STATUS_FD, LaunchSpec, StepFailed
from vaultui.wire.taskend import DONE, Begun, Empty, Reaped
from vaultui.wire.tasks import GO_FD, TaskKeeperSpec


@dataclass(frozen=True)
class Link:
    """The warden's ends of the two pipes between it and its keeper."""

    up: int
    """Messages of `wire.taskend` go to the keeper here."""
    down: int
    """DONE comes here, or end of file when the keeper is gone."""


class Warden:
    def __init__(
        self,
        spec: LaunchSpec,
        task: TaskKeeperSpec,
        after: Aftermath,
        outputs: list[TaskOutput],
        link: Link,
    ) -> None:
        self._spec = spec
        self._task = task
        self._after = after
        self._outputs = outputs
        self._link = link
        self._pid = 0
        self._ended = -1
        self._reaped: Reaped | None = None
        self._empty = False
        self._started_at = time.time()

    def live(self, fds: list[int], entrances: tuple[int, ...]) -> NoReturn:
        """Start the task, and stay until all is put away.

        `fds` are the descriptors that the task gets, `entrances` those of its control group.
        """
        code = 1
        try:
            set_name("vaultui-warden")
            # Before there is anybody who could leave orphans.
            set_child_subreaper()
            if self._spec.room is None:
                self._start(fds, entrances)
            else:
                self._open_room(fds, entrances)
            os.umask(0o077)
            os.chdir("/")
            wake = SignalPipe((signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT, *UNHEEDED))
            for output in self._outputs:
                output.leave_to_another()
            # Without the sources, the task could not write any more when the keeper is gone.
            pipes = {fd for output in self._outputs for fd in output.fds}
            ours = {self._after.directory, GO_FD, self._link.up, self._link.down}
            close_all_but(ours | pipes | {self._ended, *wake.fds})
            framing.write_message(self._link.up, Begun(self._pid))
            self._stay(wake)
            code = 0
        except OSError as error:
            with contextlib.suppress(OSError):
                failed = StepFailed("warden", error.errno or 0, str(error))
                framing.write_message(STATUS_FD, failed)
        finally:
            os._exit(code)

    def _start(self, fds: list[int], entrances: tuple[int, ...]) -> None:
        def begin() -> None:
            # Or the keeper would wait for a warden that is killed as long as this waits for GO.
            os.close(self._link.up)
            if not go.wait(GO_FD):
                os._exit(0)
            enter(entrances)

        self._pid = attributes.start(self._spec, fds, STATUS_FD, begin=begin)

    def _open_room(self, fds: list[int], entrances: tuple[int, ...]) -> None:
        from vaultui.shim import room

        def begin() -> int:
            return attributes.start(self._spec, fds, STATUS_FD, begin=lambda: enter(entrances))

        assert self._spec.room is not None
        task = {*(fd for fd in fds if fd >= 0), *entrances}
        pipes = room.Pipes(STATUS_FD, GO_FD, PAYLOAD_FD, NOTIFY_FD, task)
        opened = room.open_room(self._spec.room, pipes, begin, stop_signal=self._task.stop_signal)
        self._pid, self._ended = opened.pid, opened.ended

    def _stay(self, wake: SignalPipe) -> None:
        """Return when the keeper has done all that is to be done, or it was done here."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._link.down, select.POLLIN)
        if self._ended >= 0:
            poll.register(self._ended, select.POLLIN)
        while True:
            self._reap()
            for fd, _ in poll.poll():
                if fd == wake.fileno():
                    wake.taken()
                elif fd == self._ended:
                    poll.unregister(fd)
                    self._hear_from_room()
                else:
                    if os.read(self._link.down, 1) != DONE:
                        self._stand_in(wake)
                    return

    def _hear_from_room(self) -> None:
        if self._ended >= 0 and self._reaped is None:
            self._reaped = framing.read_message(self._ended, Reaped)
            if self._reaped is not None:
                self._tell(self._reaped)

    def _reap(self) -> None:
        """Reap all that has ended, and tell the keeper what it has to know of that."""
        reaped = None
        while not self._empty:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._empty = True
                break
            if pid == 0:
                break
            if pid == self._pid:
                reaped = Reaped(status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss)
        else:
            return
        if reaped is not None:
            # What the room has said of the task is more than how the room itself ended.
            self._hear_from_room()
            if self._reaped is None:
                self._reaped = replace(reaped, left=not self._empty)
                self._tell(self._reaped)
        if self._empty:
            self._tell(Empty())

    def _tell(self, message: Reaped | Empty) -> None:
        # The other pipe tells that the keeper is gone, and what comes of that.
        with contextlib.suppress(BrokenPipeError):
            framing.write_message(self._link.up, message)

    def _stand_in(self, wake: SignalPipe) -> None:
        """Do what is left for the keeper to do."""
        ending = Ending(self._task, self._pid, self._after.record.relayed)
        ending.ask()
        self._reap()
        while not self._empty:
            poll = select.poll()
            poll.register(wake, select.POLLIN)
            for output in self._outputs:
                output.register(poll)
            due = ending.due_in()
            ready = dict(poll.poll(None if due is None else due * 1000))
            for output in self._outputs:
                output.handle(ready)
            wake.taken()
            ending.step()
            self._reap()
        for output in self._outputs:
            output.drain()
        if not go.was_given(GO_FD):
            self._after.forget()
            return
        if not self._after.is_written():
            with contextlib.suppress(OSError):
                self._after.write_end(self._pid, self._reaped, self._started_at)
        self._after.put_away(lambda _text: None)
