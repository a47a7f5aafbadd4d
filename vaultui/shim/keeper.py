"""The process that stays with a mount backend.

It is the backend's parent, and so the only one that learns how it ended. It writes that
down, keeps the log, reaps orphans of the backend and detaches the mount when the backend
died. It never sees a secret, holds nothing open but its log pipe, the run directory
and a pipe to itself, and nothing depends on it: when it is killed, the mount goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import signal
import time
from dataclasses import replace
from typing import Final

from vaultui.linux import cgroup, process
from vaultui.linux.durable import write_durably
from vaultui.linux.prctl import set_child_subreaper, set_name
from vaultui.shim import scope
from vaultui.shim.logfile import LogPump
from vaultui.shim.staying import UNHEEDED, SignalPipe, close_all_but
from vaultui.wire import codec
from vaultui.wire.launchspec import KeeperSpec
from vaultui.wire.runrecords import EXIT_FILE, RUN_FILE, ExitState

_CHUNK: Final = 1 << 16
_PIPE_BYTES: Final = 1 << 20
_FLUSH_S: Final = 5.0


class Keeper:
    def __init__(self, spec: KeeperSpec, pid: int, *, log: int, run_dir: int) -> None:
        """`log` is the reading end of the pipe that the backend writes its output to."""
        self._spec = spec
        self._pid = pid
        self._log = log
        self._run_dir = run_dir
        self._started_at = time.time()
        self._oom_before = cgroup.oom_kills()
        self._joining: int | None = None

    def record_start(self) -> None:
        """Write run.json; raises OSError."""
        if self._spec.run is None:
            return
        run = replace(
            self._spec.run,
            backend_pid=self._pid,
            backend_start=process.start_time(self._pid),
            keeper_pid=os.getpid(),
            keeper_start=process.start_time(os.getpid()),
            launched_at=self._started_at,
            boot_id=process.boot_id(),
        )
        write_durably(RUN_FILE, codec.encode(run), dir_fd=self._run_dir)

    def keep(self) -> int:
        """Stay until the backend has ended and all is put away; return an exit status."""
        set_name("vaultui-keeper")
        set_child_subreaper()
        os.umask(0o077)
        os.chdir("/")
        # SIGTERM is for the backend, which unmounts; the keeper ends after it. A systemd that
        # stops the unit tells both.
        wake = SignalPipe((signal.SIGCHLD, *UNHEEDED, signal.SIGTERM, signal.SIGQUIT))
        # The backend's password pipe and the status and notify pipes must end with it.
        close_all_but({self._log, self._run_dir, *wake.fds})
        # After the closing: the thread opens the log itself.
        output = LogPump(self._spec.log_path, self._spec.log_max_bytes, self._spec.log_backups)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._log, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._joining = scope.start_joining(
            self._spec.vault_name, (os.getpid(), self._pid), os.environ
        )
        ended = self._wait(wake, output)
        self._put_away(ended, output)
        output.close(_FLUSH_S)
        return 0

    def _wait(self, wake: SignalPipe, output: LogPump) -> ExitState:
        """Pass output on until the backend has ended."""
        os.set_blocking(self._log, False)
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        poll.register(self._log, select.POLLIN)
        while (ended := self._reap(output)) is None:
            for fd, _ in poll.poll():
                if fd == wake.fileno():
                    wake.taken()
                elif not self._pass_on(output):
                    # The backend closed its output, or nobody has it open any more.
                    poll.unregister(self._log)
        # What was written before the end is there by now; descendants may still hold the
        # pipe, and are not waited for.
        with contextlib.suppress(BlockingIOError):
            while self._pass_on(output):
                pass
        return ended

    def _pass_on(self, output: LogPump) -> bool:
        data = os.read(self._log, _CHUNK)
        if data:
            output.feed(data)
        return bool(data)

    def _reap(self, output: LogPump) -> ExitState | None:
        """Reap every child that has ended: the backend, its orphans, the helper for systemd."""
        ended = None
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if pid == 0:
                return ended
            if pid == self._pid:
                ended = self._exit_state(status, usage)
            elif pid == self._joining:
                if status != 0:
                    output.note("systemd did not take backend and keeper into a unit of theirs")
                # Another control group has another counter.
                self._oom_before = cgroup.oom_kills()

    def _exit_state(self, status: int, usage: resource.struct_rusage) -> ExitState:
        by_signal = os.WIFSIGNALED(status)
        number = os.WTERMSIG(status) if by_signal else None
        return ExitState(
            pid=self._pid,
            exit_code=None if by_signal else os.WEXITSTATUS(status),
            signal=number,
            core_dumped=by_signal and os.WCOREDUMP(status),
            oom_killed=number == signal.SIGKILL and self._was_out_of_memory(),
            started_at=self._started_at,
            ended_at=time.time(),
            user_s=usage.ru_utime,
            system_s=usage.ru_stime,
            max_rss_kib=usage.ru_maxrss,
        )

    def _was_out_of_memory(self) -> bool:
        group, count = cgroup.oom_kills()
        group_before, before = self._oom_before
        return group == group_before and count > before

    def _put_away(self, ended: ExitState, output: LogPump) -> None:
        how = f"signal {ended.signal}" if ended.signal else f"exit code {ended.exit_code}"
        output.note(f"the backend (pid {self._pid}) ended: {how}")
        # Written first: whoever is woken by the change of the mount table finds it.
        self._record_end(ended, output)
        try:
            if self._detach_dead_mount():
                output.note(f"detached the dead mount on {self._spec.mountpoint}")
                self._record_end(replace(ended, mount_detached=True), output)
        except OSError as error:
            output.note(f"the dead mount on {self._spec.mountpoint} stays: {error}")

    def _record_end(self, ended: ExitState, output: LogPump) -> None:
        try:
            write_durably(EXIT_FILE, codec.encode(ended), dir_fd=self._run_dir)
        except OSError as error:
            output.note(f"the exit state could not be written: {error}")

    def _detach_dead_mount(self) -> bool:
        if not self._spec.mountpoint:
            return False
        # Imported at the end only: most keepers wait for weeks, and memory counts.
        from vaultui.linux.deadmount import detach_if_dead

        return detach_if_dead(self._spec.mountpoint)
