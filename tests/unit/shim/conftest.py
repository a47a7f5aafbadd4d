"""The shim as the front end starts it: a process with five descriptors."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import wait_until

import vaultui
from vaultui.linux import process, spawn
from vaultui.wire import codec, framing
from vaultui.wire.launchspec import Forked, LaunchSpec, StepFailed
from vaultui.wire.runrecords import ExitState

SHIM = Path(vaultui.__file__).parent / "shim" / "__main__.py"


@dataclass
class Started:
    """What one start of the shim led to."""

    child: spawn.Child
    messages: list[Forked | StepFailed]
    notify: int
    """Reading end of the notify pipe."""
    run_dir: Path
    keepers: list[int] = field(default_factory=list)

    @property
    def forked(self) -> Forked:
        return next(message for message in self.messages if isinstance(message, Forked))

    @property
    def failed(self) -> StepFailed:
        return next(message for message in self.messages if isinstance(message, StepFailed))

    def said(self) -> bytes:
        """Return all that the program writes to its notify pipe, to the end of it."""
        chunks = []
        while chunk := os.read(self.notify, 1 << 16):
            chunks.append(chunk)
        return b"".join(chunks)

    def exit_state(self) -> ExitState:
        """Return what the keeper wrote, when it has ended."""
        keeper = self.forked.keeper_pid
        wait_until(lambda: not Path(f"/proc/{keeper}/fd/0").exists(), what="the keeper ends")
        return codec.decode((self.run_dir / "exit.json").read_bytes(), ExitState)


Start = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts the shim, waits for the exec, and tells what it heard."""
    all_started: list[Started] = []
    run_dir = tmp_path / "run"
    run_dir.mkdir(mode=0o700)

    def run_shim(
        spec: LaunchSpec,
        payload: bytes = b"",
        env: dict[str, str] | None = None,
        *,
        before: Sequence[str] = (),
        more_fds: Sequence[int] = (),
    ) -> Started:
        """`before` are words that go before the shim's command: it is started by that program.

        `more_fds` come behind the five descriptors that every start has.
        """
        pipes = [os.pipe() for _ in range(4)]
        (
            (spec_in, spec_out),
            (payload_in, payload_out),
            (status_in, status_out),
            (
                notify_in,
                notify_out,
            ),
        ) = pipes
        framing.write_message(spec_out, spec)
        os.write(payload_out, payload)
        os.close(spec_out)
        os.close(payload_out)
        child = spawn.start(
            [*before, sys.executable, "-I", "-S", str(SHIM)],
            fds=(spawn.NULL, 2, 2, spec_in, payload_in, status_out, notify_out, *more_fds),
            env=env or {"PATH": os.environ["PATH"]},
        )
        for fd in (spec_in, payload_in, status_out, notify_out):
            os.close(fd)
        messages = []
        while (message := framing.read_message(status_in, Forked, StepFailed)) is not None:
            messages.append(message)
        os.close(status_in)
        started = Started(child, messages, notify_in, run_dir)
        all_started.append(started)
        return started

    yield run_shim
    for started in all_started:
        os.close(started.notify)
        for message in started.messages:
            if isinstance(message, Forked):
                _end(message.pid)
                if message.keeper_pid:
                    # It ends by itself when its program has.
                    pidfd = _pidfd(message.keeper_pid)
                    if pidfd is not None:
                        assert process.wait_pidfd(pidfd, 20), "the keeper does not end"
                        os.close(pidfd)
        started.child.kill()


def _pidfd(pid: int) -> int | None:
    try:
        return process.open_pidfd(pid)
    except ProcessLookupError:
        return None


def _end(pid: int) -> None:
    pidfd = _pidfd(pid)
    if pidfd is not None:
        process.signal_pidfd(pidfd, 9)
        os.close(pidfd)
