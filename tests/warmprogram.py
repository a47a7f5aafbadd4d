"""`vaultui` without the start of its interpreter, which is most of what a verb costs.

    python tests/warmprogram.py DESCRIPTOR

That process has loaded the modules of the front end, and forks for each command line that comes
over the socket: a child with the descriptors, the environment and the directory of whoever asks.
`Warm` is the other end. What a start itself does is not seen this way.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from programs import Completed

_LARGEST = 1 << 17
"""Of a message: a command line and an environment."""
_PACKAGES = ("cli", "vaults", "supervisor", "tasks", "wire", "model", "linux", "format")
_READ_AT_THE_START = ("PYTHON", "LC_", "LANG")
"""Variables with these prefixes have done their work before a program's first line."""
_PR_SET_NAME = 15


class Warm:
    """A process that becomes the program `argv0` at once."""

    def __init__(self, argv0: str) -> None:
        self._argv0 = argv0
        # Nothing of the test that is the first to ask, which would find it as left behind.
        self._env = {
            name: value
            for name, value in os.environ.items()
            if name == "PATH" or name.startswith(("LD_", *_READ_AT_THE_START))
        }
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, __file__, str(theirs.fileno())),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=self._env,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def fits(self) -> bool:
        """Tell whether a process that is started now would begin just as that one has."""
        return _read_at_the_start(os.environ) == _read_at_the_start(self._env)

    def run(self, words: tuple[str, ...], timeout: float) -> Completed:
        """Do as `run_program` does."""
        argv = (self._argv0, *words)
        message = json.dumps((argv, dict(os.environ), os.getcwd())).encode()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
            with theirs, Path(os.devnull).open("rb") as stdin:
                given = [file.fileno() for file in (theirs, stdin, stdout, stderr)]
                socket.send_fds(self._socket, [message], given)
            pid = int(ours.recv(_LARGEST))
            ours.settimeout(timeout)
            try:
                status, late = int(ours.recv(_LARGEST)), False
            except TimeoutError:
                os.killpg(pid, signal.SIGKILL)
                ours.settimeout(None)
                status, late = int(ours.recv(_LARGEST)), True
            returncode = os.waitstatus_to_exitcode(status)
            done = Completed(argv, returncode, _content(stdout), _content(stderr))
        assert not late, f"{' '.join(argv)}\ndid not end within {timeout:g} seconds:\n{done.text}"
        return done

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._socket.close()
        self._process.wait()


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def _read_at_the_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_READ_AT_THE_START)}


def _serve(asking: socket.socket) -> None:
    """Fork for each message, and tell how each child has ended, until nobody asks any more.

    Only a child returns, which goes on as the program.
    """
    told: dict[int, socket.socket] = {}
    ended, wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    while True:
        ready, _, _ = select.select([asking, ended], [], [])
        if ended in ready:
            os.read(ended, 4096)
            for pid in tuple(told):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    with told.pop(pid) as whom:
                        _tell(whom, status)
        if asking in ready:
            message, descriptors, _, _ = socket.recv_fds(asking, _LARGEST, 4)
            if not message:
                sys.exit()
            pid = os.fork()
            if not pid:
                os.setsid()
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, descriptor in enumerate(descriptors[1:]):
                    os.dup2(descriptor, number)
                for sockets in (asking, *told.values()):
                    sockets.detach()
                os.closerange(3, 1 << 16)
                _become(message)
                return
            for descriptor in descriptors[1:]:
                os.close(descriptor)
            told[pid] = socket.socket(fileno=descriptors[0])
            _tell(told[pid], pid)


def _tell(whom: socket.socket, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        whom.send(str(number).encode())


def _become(message: bytes) -> None:
    sys.argv, env, directory = json.loads(message)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(directory)
    name = os.path.basename(sys.argv[0]).encode()
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name, 0, 0, 0)


def _load() -> None:
    for package in _PACKAGES:
        top = importlib.import_module(f"vaultui.{package}")
        for module in pkgutil.walk_packages(top.__path__, f"{top.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    gc.freeze()


if __name__ == "__main__":
    from vaultui.__main__ import main

    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    main()
