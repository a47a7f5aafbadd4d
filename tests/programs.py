"""Running programs from tests: whole results, a deadline always, an environment of their own."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "CI", "COVERAGE_PROCESS_START")


def restore_interrupts() -> None:
    """Let what is started from here be interrupted, hung up on and quit.

    Whoever starts this run in the background of a script, or under nohup, has these ignored, and
    what is ignored is inherited by every program: none would hear a Ctrl-C on its terminal.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@dataclass(frozen=True)
class Completed:
    """How a program ended; `stdout` and `stderr` are bytes, `text` both of them for a message."""

    argv: tuple[str, ...]
    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return (self.stdout + self.stderr).decode("utf-8", "replace")

    def check(self, returncode: int = 0) -> Completed:
        """Return self if the program ended with `returncode`, else raise AssertionError."""
        assert self.returncode == returncode, (
            f"{' '.join(self.argv)}\nended with {self.returncode}, not {returncode}:\n{self.text}"
        )
        return self


def program(name: str) -> str:
    """Return the path of one of our own programs, as installed beside this interpreter."""
    # sys.prefix and not the resolved interpreter: .venv/bin/python is a link out of the venv.
    return str(Path(sys.prefix) / "bin" / name)


def run_program(
    argv: Sequence[str | os.PathLike[str]],
    input: bytes = b"",  # noqa: A002 - subprocess.run's word for it
    timeout: float = 30.0,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a program to its end and return how it ended.

    Output goes through files and not through pipes: a daemon that the program leaves behind
    may keep its output open, and only the program itself is waited for. After `timeout`
    seconds its whole process group is killed and AssertionError raised with its output.
    """
    words = tuple(os.fspath(word) for word in argv)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        os.killpg(process.pid, signal.SIGKILL)

    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            env=env,
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
        )
        # Not with a limit of subprocess's own: it looks every fifty milliseconds then.
        alarm = threading.Timer(timeout, give_up)
        alarm.start()
        try:
            process.communicate(input)
        finally:
            alarm.cancel()
            alarm.join()
        stdout.seek(0)
        stderr.seek(0)
        done = Completed(words, process.returncode, stdout.read(), stderr.read())
    assert not late.is_set(), (
        f"{' '.join(words)}\ndid not end within {timeout:g} seconds:\n{done.text}"
    )
    return done


def exit_code(process: subprocess.Popen[bytes], timeout: float = 20.0) -> int:
    """Wait for the end of a process and return its exit code, minus the signal if one did it.

    Raises subprocess.TimeoutExpired. Popen.wait with a limit looks every fifty milliseconds;
    this returns at once.
    """
    if process.poll() is None:
        descriptor = os.pidfd_open(process.pid)
        try:
            ending = select.poll()
            ending.register(descriptor, select.POLLIN)
            ending.poll(timeout * 1000)
        finally:
            os.close(descriptor)
    return process.wait(0)


def private_home(base: Path) -> dict[str, str]:
    """Make a home and a runtime directory below `base`; return a whole environment for them.

    Nothing of the user's session is in it: no D-Bus, no display, no terminal multiplexer,
    so that no test can reach a real keyring or desktop by accident.
    """
    home = base / "home"
    runtime = base / "run"
    folders = {
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_DATA_HOME": home / ".local" / "share",
        "XDG_CACHE_HOME": home / ".cache",
        "XDG_RUNTIME_DIR": runtime,
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    runtime.chmod(0o700)
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {
        **kept,
        **{name: str(folder) for name, folder in folders.items()},
        "HOME": str(home),
        # Where there is none: left out, it is the machine's own.
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={runtime}/no-bus",
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm-256color",
        "TZ": "UTC",
    }
