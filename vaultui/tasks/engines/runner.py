"""The runner of the driver `engine`: a process that is a container to those who started it.

    python -I -m vaultui.tasks.engines.runner FILE           run the container that FILE describes
    python -I -m vaultui.tasks.engines.runner --remove FILE  see that nothing is left of it

Signals go on to the container, except SIGQUIT, which kills it. Its exit code becomes ours, and
what it writes comes out of our own streams. FILE is in the bundle of a task; what could not be
done is left in the directory above, for whoever asks.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vaultui.linux.mountinfo import mount_at
from vaultui.model.errors import EngineLost, NotOpen, VaultuiError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.states import VaultState
from vaultui.tasks.engines.stream import relay
from vaultui.tasks.failure import write_failure
from vaultui.tasks.ownterminal import passing_on
from vaultui.wire import codec
from vaultui.wire.engine import ASKED_FILE, EngineSpec
from vaultui.wire.tasks import OUT_OF_MEMORY_FILE

if TYPE_CHECKING:
    from vaultui.tasks.engines.container import EngineContainer

_RELAYED: Final = frozenset(
    {
        *(signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGQUIT),
        *(signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH),
    }
)


def main(arguments: Sequence[str]) -> int:
    # Before there is a thread, since each inherits it: the one that waits for them gets them all.
    signal.pthread_sigmask(signal.SIG_BLOCK, _RELAYED)
    match arguments:
        case ["--remove", path]:
            return _remove(Path(path))
        case [path]:
            return _run(Path(path))
    print(__doc__, file=sys.stderr)
    return ExitCode.USAGE


def _remove(path: Path) -> int:
    """Remove a container whose runner was killed; there is nothing to do after one that was not."""
    asked = path.with_name(ASKED_FILE)
    if asked.exists():
        _container(_spec(path)).remove_when_made()
        asked.unlink(missing_ok=True)
    return 0


def _run(path: Path) -> int:
    try:
        spec = _spec(path)
        if mount_at(spec.vault) is None:
            # An engine would take the directory that lies below, on the disk, for the vault.
            raise NotOpen(name=spec.vault_name, state=VaultState.LOCKED.value)
        for source in spec.left_out:
            print(f"vaultui: {source} is not there, and is left out", file=sys.stderr, flush=True)
        container = _container(spec)
        with _present(container, path.with_name(ASKED_FILE)):
            return _Run(spec, container, path.parent.parent).until_ended()
    except VaultuiError as error:
        write_failure(path.parent.parent, error)
        return max(int(ExitCode.TASK_FAILED), int(error.exit_code))
    except Exception as error:
        # Or its exit code would be taken for that of the container.
        traceback.print_exc()
        write_failure(path.parent.parent, VaultuiError(what=type(error).__name__))
        return ExitCode.TASK_FAILED


@contextlib.contextmanager
def _present(container: EngineContainer, asked: Path) -> Iterator[None]:
    """Make a container, and remove it at the end; where that fails its mark is left."""
    container.check_image()
    asked.touch()
    with contextlib.ExitStack() as undo:
        undo.callback(_end, container, asked)
        try:
            container.create()
        except EngineLost:
            # It may be made all the same: whoever finds the mark waits for it.
            undo.pop_all()
            raise
        yield


def _end(container: EngineContainer, asked: Path) -> None:
    with contextlib.suppress(EngineLost):
        container.remove()
        asked.unlink()


class _Run:
    """A container from its start to its end."""

    def __init__(self, spec: EngineSpec, container: EngineContainer, task_dir: Path) -> None:
        self._spec = spec
        self._task_dir = task_dir
        self._container = container
        self._told_to_end = 0
        """The signal that came before the container ran, so that it never will."""
        self._running = False
        self._killed = False
        """It was we who did it."""
        self._starting = threading.Lock()
        """Guards `_told_to_end` and `_running`: a signal comes before the start, or after it."""

    def until_ended(self) -> int:
        """Return its exit code."""
        threading.Thread(target=self._relay_signals, daemon=True).start()
        with self._container.attach() as connection, self._own_terminal():
            if not self._started():
                return 128 + self._told_to_end
            self._relay_streams(connection)
            status = self._container.wait()
            if not self._killed and self._container.ran_out_of_memory(status):
                self._task_dir.joinpath(OUT_OF_MEMORY_FILE).touch()
            return status

    def _started(self) -> bool:
        with self._starting:
            if self._told_to_end:
                return False
            # Podman gives a container that is attached to its terminal already, and Docker later:
            # where it can be, the size is right from the first line on.
            self._resize()
            self._container.start()
            self._running = True
        self._resize()
        return True

    def _own_terminal(self) -> AbstractContextManager[None]:
        # It is left to the container's own terminal what keys mean.
        return passing_on() if self._spec.terminal else nullcontext()

    def _relay_streams(self, connection: socket.socket) -> None:
        spec = self._spec
        relay(connection, stdin=spec.interactive or spec.terminal, framed=not spec.terminal)

    def _relay_signals(self) -> None:
        while True:
            number = signal.Signals(signal.sigwait(_RELAYED))
            with self._starting:
                if not self._running:
                    if number != signal.SIGWINCH:
                        self._told_to_end = number
                    continue
            with contextlib.suppress(EngineLost):
                self._pass_on(number)

    def _pass_on(self, number: signal.Signals) -> None:
        if number == signal.SIGWINCH:
            self._resize()
        else:
            self._killed = self._killed or number == signal.SIGQUIT
            self._container.signal(signal.SIGKILL if self._killed else number)

    def _resize(self) -> None:
        if self._spec.terminal:
            with contextlib.suppress(OSError):  # the terminal is gone
                self._container.resize(os.get_terminal_size(0))


def _container(spec: EngineSpec) -> EngineContainer:
    # Late: a removal that has nothing to do is what each task ends with.
    from vaultui.tasks.engines.container import EngineContainer

    return EngineContainer(spec)


def _spec(path: Path) -> EngineSpec:
    return codec.decode(path.read_bytes(), EngineSpec)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
