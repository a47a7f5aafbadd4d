"""What a container's program reads and writes: three pipes, or a terminal of its own.

It never has our own streams, which would be a way out of it: a terminal takes commands that type
on it, and a file can be opened anew.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable
from typing import Final, Protocol

from vaultui.tasks import ownterminal
from vaultui.tasks.containers.consolesocket import ConsoleSocket
from vaultui.tasks.containers.spec import ContainerSpec
from vaultui.tasks.relay import Flow

_CHUNK: Final = 1 << 16
_MOST_PRINTED: Final = 1 << 16
_CONSOLE_SOCKET: Final = "console.sock"


class ContainerIO(Protocol):
    runtime_fds: tuple[int, int, int]
    """The standard streams of the runtime while it makes the container, then the container's."""
    console: str
    """Where the runtime hands over a terminal; empty for none."""
    incoming: list[Flow]
    """To the container."""
    outgoing: list[Flow]

    def created(self, maker: str) -> None:
        """Begin: the container has its streams. Raises ContainerNotCreated."""

    def printed(self) -> str:
        """Return what the runtime printed, when it did not make a container."""

    def resized(self) -> None:
        """Our terminal has another size now."""


class PipeIO:
    """The end of our input is that of the container's, and a reader of ours that is gone, its."""

    console = ""

    def __init__(self, spec: ContainerSpec, closing: contextlib.ExitStack) -> None:
        """`closing` closes what is still open at the end."""
        stdin, feed = os.pipe()
        stdout_reading, stdout = os.pipe()
        stderr_reading, stderr = os.pipe()
        self.runtime_fds = stdin, stdout, stderr
        self._theirs = closing.enter_context(contextlib.ExitStack())
        for fd in self.runtime_fds:
            self._theirs.callback(os.close, fd)
            if spec.user.uid:
                # So that it may open /dev/stdout.
                os.fchown(fd, spec.user.uid, spec.user.gid)
        for fd in (feed, stdout_reading, stderr_reading):
            os.set_blocking(fd, False)
        self.incoming = [Flow(0, feed, at_end=_closer(feed, closing))]
        self.outgoing = [
            Flow(stdout_reading, 1, at_end=_closer(stdout_reading, closing)),
            Flow(stderr_reading, 2, at_end=_closer(stderr_reading, closing)),
        ]

    def created(self, maker: str) -> None:
        del maker  # a pipe that is there can't be handed over badly
        self._theirs.close()

    def printed(self) -> str:
        return "".join(_waiting_in(flow.source) for flow in self.outgoing)

    def resized(self) -> None:
        """There is no terminal whose size could matter."""


class TerminalIO:
    """Its terminal, and ours: whatever is typed on ours goes there as it is."""

    def __init__(self, spec: ContainerSpec, closing: contextlib.ExitStack) -> None:
        """`closing` closes what is open at the end, and gives our terminal back as it was."""
        self.console = os.path.join(spec.bundle, _CONSOLE_SOCKET)
        self._socket = closing.enter_context(ConsoleSocket(self.console))
        null = os.open(os.devnull, os.O_RDWR)
        closing.callback(os.close, null)
        self._printed = os.memfd_create("vaultui-printed")
        closing.callback(os.close, self._printed)
        self.runtime_fds = null, self._printed, self._printed
        self._closing = closing
        self._terminal = -1
        self.incoming: list[Flow] = []
        self.outgoing: list[Flow] = []

    def created(self, maker: str) -> None:
        self._terminal = self._socket.terminal(maker)
        self._closing.callback(os.close, self._terminal)
        os.set_blocking(self._terminal, False)
        self._closing.enter_context(ownterminal.passing_on())
        self.resized()
        self.incoming = [Flow(0, self._terminal)]
        self.outgoing = [Flow(self._terminal, 1)]

    def printed(self) -> str:
        return os.pread(self._printed, _MOST_PRINTED, 0).decode(errors="replace")

    def resized(self) -> None:
        ownterminal.copy_size(self._terminal)


def _closer(fd: int, closing: contextlib.ExitStack) -> Callable[[], None]:
    """Return what closes `fd` once; at the latest `closing` does."""
    once = closing.enter_context(contextlib.ExitStack())
    once.callback(os.close, fd)
    return once.close


def _waiting_in(fd: int) -> str:
    """Return what is in a pipe that does not make us wait."""
    found = b""
    while len(found) < _MOST_PRINTED and select.select([fd], [], [], 0)[0]:
        piece = os.read(fd, _CHUNK)
        if not piece:
            break
        found += piece
    return found.decode(errors="replace")
