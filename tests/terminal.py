"""A program on a terminal of its own, as its controlling one, typed into and read from."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import termios
from collections.abc import Sequence
from typing import Self

from programs import exit_code
from waiting import wait_until

_MARK = b"\0"
"""No program here prints it."""


class Terminal:
    """Runs a program below a pseudo-terminal; `shown` is all that it has printed so far."""

    def __init__(
        self, words: Sequence[str | os.PathLike[str]], size: tuple[int, int] | None = None
    ) -> None:
        """Start it; `size` is columns and rows, for programs that draw."""
        self._master, self._slave = pty.openpty()
        if size is not None:
            termios.tcsetwinsize(self._slave, size[::-1])
        os.set_blocking(self._master, False)
        self._shown = b""
        # setsid makes the terminal on its standard input the controlling one, in the same pid.
        self.process = subprocess.Popen(
            ("setsid", "--ctty", *words), stdin=self._slave, stdout=self._slave, stderr=self._slave
        )

    @property
    def shown(self) -> str:
        return self._arrived().replace(_MARK, b"").decode("utf-8", "replace")

    def _arrived(self) -> bytes:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._master, 1 << 16):
                self._shown += data
        return self._shown

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def resize(self, size: tuple[int, int]) -> None:
        """Give the window other columns and rows, as a person does with the mouse."""
        termios.tcsetwinsize(self._master, size[::-1])

    def paste(self, text: str) -> None:
        """Send text as terminals do what a person pastes (xterm's bracketed paste mode)."""
        self.type(f"\x1b[200~{text}\x1b[201~")

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until `text` has been printed so many times."""
        try:
            wait_until(lambda: self.shown.count(text) >= times, 30.0)
        except AssertionError as late:
            raise AssertionError(f"{text!r} did not appear in:\n{self.shown}") from late

    def wait(self) -> int:
        """Return the exit code, when all that was printed has arrived in `shown`."""
        try:
            # Read meanwhile: a program that has more to show than a terminal takes would wait.
            wait_until(lambda: self._arrived() and self.process.poll() is not None, 30)
        except AssertionError as late:
            raise AssertionError(f"it did not end, and shows:\n{self.shown}") from late
        code = exit_code(self.process)
        # The kernel hands output on by and by: a mark behind it tells that it is all here.
        os.write(self._slave, _MARK)
        wait_until(lambda: _MARK in self._arrived(), what="the last output")
        return code

    def hang_up(self) -> None:
        """Take the terminal away, as when the program that draws its window is killed."""
        os.close(self._master)
        self._master = os.open(os.devnull, os.O_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(10)
        os.close(self._slave)
        os.close(self._master)
