"""The process that stays with a task: its output, its limits, its end, and what is left of it.

It is the parent of the warden, and does everything that is to be done about the task; the warden
only has to tell it what the task does. When the warden is killed, what that had to look after
comes to the keeper, as to a child subreaper, and is ended.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from dataclasses import replace
from typing import Final

from vaultui.linux import cgroup, process
from vaultui.linux.descendants import descendants
from vaultui.linux.prctl import set_child_subreaper, set_name
from vaultui.shim import scope
from vaultui.shim.aftermath import Aftermath
from vaultui.shim.ending import Ending
from vaultui.shim.staying import UNHEEDED, SignalPipe, close_all_but
from vaultui.shim.taskoutput import TaskOutput
from vaultui.wire import framing
from vaultui.wire.launchspec import STATUS_FD, Forked, StepFailed
from vaultui.wire.taskend import DONE, Begun, Empty, Reaped
from vaultui.wire.tasks import GO_FD, TaskKeeperSpec, TaskRecord, TaskState

_WARDEN_S: Final = 2.0
"""What the warden gets to end, when it has nothing to do any more."""


class TaskKeeper:
    def __init__(
        self,
        spec: TaskKeeperSpec,
        after: Aftermath,
        outputs: list[TaskOutput],
        *,
        warden: int,
        up: int,
        down: int,
    ) -> None:
        """`up` and `down` are the keeper's ends of the pipes between it and the warden."""
        self._spec = spec
        self._after = after
        self._outputs = outputs
        self._warden = warden
        self._up = up
        self._down = down
        self._pid = 0
        self._reaped: Reaped | None = None
        self._empty = False
        self._timed_out = False
        self._stopped = False
        self._started_at = time.time()
        self._ends_at: float | None = None
        self._hears = True
        self._waits_for_go = True
        self._begun = False
        self._oom_before = ("", 0)
        self._joining: int | None = None

    def begin(self) -> bool:
        """Wait for the warden to have the task, and tell the front end; False if it has none."""
        set_name("vaultui-keeper")
        # Before the front end knows of the task: from then on it must not get lost, nor must what
        # the front end wants of it.
        set_child_subreaper()
        self._wake = SignalPipe((signal.SIGCHLD, signal.SIGTERM, signal.SIGQUIT, *UNHEEDED))
        os.umask(0o077)
        os.chdir("/")
        begun = framing.read_message(self._up, Begun)
        if begun is None:
            return False
        self._pid = begun.pid
        self._ending = Ending(self._spec, self._pid, self._after.record.relayed, self._warden)
        self._after.write_record(self._complete_record())
        self._after.reserve()
        self._oom_before = cgroup.oom_kills(self._pid)
        # A front end that is gone by now gives no GO, either, and that is seen to.
        with contextlib.suppress(BrokenPipeError):
            framing.write_message(STATUS_FD, Forked(begun.pid, os.getpid()))
        return True

    def _complete_record(self) -> TaskRecord:
        return replace(
            self._after.record,
            launched_at=self._started_at,
            task_pid=self._pid,
            task_start=_start_of(self._pid),
            warden_pid=self._warden,
            warden_start=_start_of(self._warden),
            keeper_pid=os.getpid(),
            keeper_start=_start_of(os.getpid()),
            boot_id=process.boot_id(),
        )

    def keep(self) -> None:
        """Stay until the task has ended, with all that it has started, and all is put away."""
        pipes = {fd for output in self._outputs for fd in output.fds}
        ours = {self._after.directory, STATUS_FD, GO_FD, self._up, self._down}
        close_all_but(ours | pipes | set(self._wake.fds))
        self._leave_session()
        while not self._empty:
            self._wait()
        for output in self._outputs:
            output.drain()
        self._finish()

    def _leave_session(self) -> None:
        """Let the task outlive the login, unless somebody sits in front of it.

        Limits have their own way to such a unit.
        """
        if self._outputs and not self._spec.live and not self._after.record.groups:
            everybody = (os.getpid(), *descendants(os.getpid()))
            name = self._spec.record.vault_name
            self._joining = scope.start_joining(name, everybody, os.environ)

    def _wait(self) -> None:
        """Wait for whatever comes next, and see to it."""
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        if self._hears:
            poll.register(self._up, select.POLLIN)
        if self._waits_for_go:
            poll.register(GO_FD, select.POLLIN)
        for output in self._outputs:
            output.register(poll)
        due = self._due_in()
        ready = dict(poll.poll(None if due is None else due * 1000))
        if GO_FD in ready:
            self._waits_for_go = False
            if ready[GO_FD] & select.POLLIN and not self._ending.has_begun:
                self._has_begun()
        for output in self._outputs:
            output.handle(ready)
        if self._up in ready:
            self._hear()
        if self._wake.fileno() in ready:
            self._heed(self._wake.taken())
        self._look_at_clock()

    def _due_in(self) -> float | None:
        dues = [self._ending.due_in()]
        if self._ends_at is not None:
            dues.append(max(0.0, self._ends_at - time.monotonic()))
        return min((due for due in dues if due is not None), default=None)

    def _has_begun(self) -> None:
        self._begun = True
        self._started_at = time.time()
        if self._spec.record.limits.time_s:
            self._ends_at = time.monotonic() + self._spec.record.limits.time_s
        self._advance(TaskState.RUNNING)
        # Its end means that we know it, and that the program was executed.
        os.close(STATUS_FD)

    def _hear(self) -> None:
        """Take a message of the warden. They are small: where a part is, the whole is."""
        message = framing.read_message(self._up, Reaped, Empty)
        match message:
            case Reaped():
                self._reaped = message
                # What it has left running is not wanted without it.
                if message.left:
                    self._ending.ask()
            case Empty():
                self._empty = True
            case None:
                self._hears = False

    def _heed(self, signals: frozenset[int]) -> None:
        if signal.SIGCHLD in signals:
            self._reap()
        if signal.SIGQUIT in signals:
            self._stop()
            self._ending.kill()
        elif signal.SIGTERM in signals:
            self._stop()

    def _stop(self) -> None:
        if self._reaped is None:
            self._stopped = True
        self._end()

    def _end(self) -> None:
        if not self._ending.has_begun:
            self._advance(TaskState.STOPPING)
        self._ending.ask()

    def _reap(self) -> None:
        """Reap the warden, and what comes from it when it was killed."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self._empty = True
                return
            if pid == 0:
                return
            if pid == self._warden:
                self._hear_last_words()
                self._warden = 0
                self._end()
            elif pid == self._pid:
                self._reaped = Reaped(status, usage.ru_utime, usage.ru_stime, usage.ru_maxrss)
            elif pid == self._joining:
                # Another control group has another counter.
                self._oom_before = cgroup.oom_kills()

    def _hear_last_words(self) -> None:
        """Take what the warden had said before it was killed."""
        while self._hears and process.wait_pidfd(self._up, 0):
            self._hear()

    def _look_at_clock(self) -> None:
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self._ends_at = None
            if self._reaped is None:
                self._timed_out = True
                self._end()
        self._ending.step()

    def _advance(self, state: TaskState) -> None:
        """Write down how far the task has come."""
        try:
            self._after.write_record(replace(self._after.record, state=state))
        except OSError as error:
            self._note(f"the state of the task could not be written: {error}")

    def _finish(self) -> None:
        if not self._begun:
            self._after.forget()
            failed = StepFailed("go", 0, "it was ended before it could begin")
            with contextlib.suppress(BrokenPipeError):
                framing.write_message(STATUS_FD, failed)
        else:
            try:
                self._after.write_end(
                    self._pid,
                    self._reaped,
                    self._started_at,
                    timed_out=self._timed_out,
                    stopped=self._stopped,
                    oom_killed=self._was_out_of_memory(),
                )
            except OSError as error:
                self._note(f"the end of the task could not be written: {error}")
            self._after.put_away(self._note)
        self._dismiss_warden()
        for output in self._outputs:
            output.flush()

    def _was_out_of_memory(self) -> bool:
        """Return whether it was killed for want of memory in the group that it shares with us."""
        if self._reaped is None or not os.WIFSIGNALED(self._reaped.status):
            return False
        group_before, before = self._oom_before
        group, count = cgroup.oom_kills()
        killed = os.WTERMSIG(self._reaped.status) == signal.SIGKILL
        return killed and group == group_before and count > before

    def _dismiss_warden(self) -> None:
        """Let the warden end before we do, so that nobody is left when nobody is waited for."""
        if not self._warden:
            return
        pidfd = os.pidfd_open(self._warden)
        with contextlib.suppress(BrokenPipeError):
            os.write(self._down, DONE)
        process.wait_pidfd(pidfd, _WARDEN_S)
        os.close(pidfd)

    def _note(self, text: str) -> None:
        if self._outputs:
            self._outputs[-1].note(text)


def _start_of(pid: int) -> int:
    """Return the start time of a process of ours; 0 for one that has ended by now."""
    try:
        return process.start_time(pid) if pid else 0
    except ProcessLookupError:
        return 0
