"""The mount backend of a room, as the room's own process has it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from typing import Final, NoReturn

from vaultui.linux import process
from vaultui.shim import attributes
from vaultui.shim.logfile import LogPump
from vaultui.wire.attributes import Attributes
from vaultui.wire.launchspec import CLOSE, LaunchSpec
from vaultui.wire.rooms import RoomBackend

_CHUNK: Final = 1 << 16
_PIPE_BYTES: Final = 1 << 20
_FLUSH_S: Final = 2.0


class Backend:
    """Started when this is made.

    `log`, the reading end of the pipe that it writes to, and `pidfd` have to stay open.
    """

    def __init__(self, spec: RoomBackend, payload: int, notify: int, status: int) -> None:
        self._spec = spec
        self.log, writing = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.log, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            signal.set_wakeup_fd(-1)
            _become(spec, parent, log=writing, payload=payload, notify=notify, status=status)
        os.close(writing)
        os.set_blocking(self.log, False)
        self.pidfd = os.pidfd_open(self._pid)
        # Now, and not when init is there: whoever has unshared a pid namespace can start no
        # thread any more.
        self._pump = LogPump(spec.log_path, spec.log_max_bytes, spec.log_backups)

    def check_alive(self) -> None:
        """Raise ChildProcessError when it has ended."""
        if process.wait_pidfd(self.pidfd, 0):
            raise ChildProcessError("it has ended")

    def pass_on(self) -> bool:
        """Write down what there is of its output; False at the end of it."""
        try:
            data = os.read(self.log, _CHUNK)
        except BlockingIOError:
            return True
        self._pump.feed(data)
        return bool(data)

    def kill_unless_ended(self, pid: int) -> None:
        """Kill the backend if process `pid`, a child of ours, does not end in good time."""
        pidfd = os.pidfd_open(pid)
        if not process.wait_pidfd(pidfd, self._spec.grace_s):
            process.signal_pidfd(self.pidfd, signal.SIGKILL)
        os.close(pidfd)

    def end(self) -> None:
        """Have it unmount and end; it is killed when that takes too long."""
        process.signal_pidfd(self.pidfd, signal.SIGTERM)
        if not process.wait_pidfd(self.pidfd, self._spec.grace_s):
            process.signal_pidfd(self.pidfd, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.log, _CHUNK):
                self._pump.feed(data)
        self._pump.close(_FLUSH_S)


def _become(
    spec: RoomBackend, parent: int, *, log: int, payload: int, notify: int, status: int
) -> NoReturn:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    fds = (null, log, log, CLOSE, payload, notify)
    launched = LaunchSpec(
        program="The mount backend",
        argv=spec.argv,
        env=spec.env,
        fds=fds,
        attributes=Attributes(
            ambient_capabilities=spec.ambient_capabilities,
            # A room that is killed can't tell it any more.
            parent_death_signal=signal.SIGTERM,
            parent_pid=parent,
        ),
        nofile_soft=spec.nofile_soft,
    )
    attributes.become(launched, fds, status)
