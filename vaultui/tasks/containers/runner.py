"""The process of a task in a container of an OCI runtime: it has one made, and stays with it.

    runner                     creator, then runtime                 container
       │ ── fork ──▶                   │
       │                               │  gathers the parts
       │                               │ ── create ──▶                   │  waits
       │                               │  ends                           │
       │ ── start ─────────────────────────────────────────────────▶     │  program
       │ ◀─▶ input and output, signals, size of the terminal ◀─▶         │
       │ ◀── how it ended ────────────────────────────────────────────── │
       │ ── delete ──▶

Run as `python -m vaultui.tasks.containers.runner FILE`, the file with a ContainerSpec. It ends
as the container's program did, by the same signal if it was one; where there was none to be
had, the reason is in the directory of the task, and the exit code is that of `run`. SIGTERM,
SIGINT and SIGHUP are passed on, and SIGQUIT kills.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Final

from vaultui.linux import process, spawn
from vaultui.linux.errnos import reason_of
from vaultui.linux.prctl import set_child_subreaper, set_name
from vaultui.model.errors import ContainerNotCreated, VaultuiError
from vaultui.model.exitcodes import ExitCode
from vaultui.tasks.containers import runtime
from vaultui.tasks.containers.creation import FEW_THREADS, fork_creator
from vaultui.tasks.containers.process import ContainerProcess, signal_all_below
from vaultui.tasks.containers.spec import PID_FILE, ContainerSpec
from vaultui.tasks.containers.streams import ContainerIO, PipeIO, TerminalIO
from vaultui.tasks.failure import write_failure
from vaultui.tasks.relay import turn
from vaultui.tasks.signalpipe import SignalPipe
from vaultui.wire import codec
from vaultui.wire.tasks import OUT_OF_MEMORY_FILE

_ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_HEEDED: Final = (*_ENDING, signal.SIGWINCH, signal.SIGCHLD)
_RUNTIME_S: Final = 60.0
"""What a command of the runtime gets that has next to nothing to do."""
_SLOW_S: Final = 1.0
"""How long nobody has to read anything to count as gone."""


class Runner:
    def __init__(self, spec: ContainerSpec, signals: SignalPipe) -> None:
        self._spec = spec
        self._signals = signals
        self._killed = False

    def run(self) -> int:
        """Return how the program in the container ended, as in wait(2); raises VaultuiError.

        Whatever happens, there is no container afterwards.
        """
        with contextlib.ExitStack() as closing:
            closing.callback(self._delete)
            streams = TerminalIO if self._spec.terminal else PipeIO
            io: ContainerIO = streams(self._spec, closing)
            creator = fork_creator(
                self._spec, runtime.create_command(self._spec, io.console), io.runtime_fds
            )
            status, told_to_end = self._wait_for(creator)
            container = self._taken_over(closing)
            if told_to_end:
                return told_to_end
            if status != 0 or container is None:
                raise runtime.failure_of(self._spec, io.printed())
            io.created(os.path.basename(self._spec.runtime[0]))
            started = self._command(runtime.start_command(self._spec))
            if started.returncode != 0:
                raise runtime.failure_of(self._spec, _text(started))
            return self._stay(container, io)

    def _wait_for(self, creator: int) -> tuple[int, int]:
        """Return how the creator ended, and the signal that asked us to end meanwhile, or 0."""
        told_to_end = 0
        while True:
            pid, status = os.waitpid(creator, os.WNOHANG)
            if pid:
                return status, told_to_end
            turn((), (self._signals.fileno(),))
            for number in self._signals.arrived():
                if number in _ENDING:
                    told_to_end = number
                    # The runtime puts away on SIGTERM what it has begun; not all of them do.
                    os.kill(creator, signal.SIGKILL if number == signal.SIGQUIT else number)

    def _taken_over(self, closing: contextlib.ExitStack) -> ContainerProcess | None:
        """Return the process that the runtime left to us, to be ended by `closing`."""
        try:
            container = ContainerProcess(int(Path(self._spec.bundle, PID_FILE).read_text()))
        except (OSError, ValueError):
            return None
        closing.callback(container.close)
        closing.callback(container.end)
        return container

    def _stay(self, container: ContainerProcess, io: ContainerIO) -> int:
        """Pass everything on until the program has ended, and what it wrote is written."""
        while (status := container.poll()) is None:
            turn((*io.incoming, *io.outgoing), (self._signals.fileno(),))
            for number in self._signals.arrived():
                if number == signal.SIGQUIT:
                    self._killed = True
                    container.kill()
                elif number == signal.SIGWINCH:
                    io.resized()
                elif number in _ENDING:
                    container.pass_on(number)
        if container.ran_out_of_memory():
            Path(self._spec.bundle).parent.joinpath(OUT_OF_MEMORY_FILE).touch()
        self._finish(io)
        return status

    def _finish(self, io: ContainerIO) -> None:
        """Write what is on its way; who is to be killed does not wait for a reader that is slow."""
        # Whom the first process left behind in the host's pid namespace.
        signal_all_below(os.getpid(), signal.SIGKILL)
        while flows := [flow for flow in io.outgoing if not flow.ended]:
            ready = turn(flows, (self._signals.fileno(),), _SLOW_S if self._killed else None)
            self._killed |= signal.SIGQUIT in self._signals.arrived()
            if ready is None:
                break

    def _delete(self) -> None:
        # Where it fails, whoever stays with the task does it once more.
        with contextlib.suppress(ContainerNotCreated):
            self._command(runtime.delete_command(self._spec))

    def _command(self, argv: tuple[str, ...]) -> spawn.Completed:
        """Run a command of the runtime that has next to nothing to do; raises VaultuiError."""
        try:
            return spawn.run(argv, timeout=_RUNTIME_S, env={**os.environ, **FEW_THREADS})
        except (OSError, TimeoutError) as error:
            maker = os.path.basename(argv[0])
            raise ContainerNotCreated(maker=maker, reason=reason_of(error)) from error


def _text(done: spawn.Completed) -> str:
    return (done.stdout + done.stderr).decode(errors="replace")


def main(path: str) -> int:
    """Run the container that the file describes, and end as its program did.

    Returns an exit code where there was no such program.
    """
    spec = codec.decode(Path(path).read_bytes(), ContainerSpec)
    set_name("vaultui-oci")
    set_child_subreaper()
    with SignalPipe(_HEEDED) as signals:
        try:
            status = Runner(spec, signals).run()
        except VaultuiError as error:
            write_failure(Path(spec.bundle).parent, error)
            return max(ExitCode.TASK_FAILED, error.exit_code)
    return process.end_like(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
