"""A terminal that a test types into and reads from: a tmux server of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from support import Completed, run_program, wait_until

SCREEN_TIMEOUT_S = 30.0
"""Deriving a key and drawing on two busy cores take seconds, not tens of them."""


class Terminal:
    """One program in one terminal. The program lives in the environment of the test."""

    def __init__(self, base: Path, *, columns: int = 130, rows: int = 36) -> None:
        self._socket = base / "tmux"
        # Not by options of new-session: a detached session forgets those at the first change.
        self._size = f"{columns}x{rows}"

    def start(self, *words: str | os.PathLike[str]) -> None:
        """Start a program; the terminal stays after its end, so that its last words are read."""
        command = [os.fspath(word) for word in words]
        self._tmux(
            "start-server", ";",
            "set-option", "-g", "default-size", self._size, ";",
            "set-option", "-g", "remain-on-exit", "on", ";",
            "set-option", "-g", "status", "off", ";",
            "new-session", "-d", *command,
        )  # fmt: skip

    def again(self, *words: str | os.PathLike[str]) -> None:
        """Start another program in the place of the one that ended, or end it first."""
        self._tmux("respawn-pane", "-k", *(os.fspath(word) for word in words))

    def press(self, *keys: str) -> None:
        """Press keys by their tmux names: `Enter`, `Escape`, `u`, `C-c`."""
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type text as it is."""
        self._tmux("send-keys", "-l", text)

    def screen(self) -> str:
        """Return what the terminal shows now."""
        return self._tmux("capture-pane", "-p").stdout.decode()

    def shows(self, *texts: str) -> str:
        """Wait until all the texts are on the screen; return the screen."""
        return self._until(lambda screen: all(text in screen for text in texts), f"{texts} shown")

    def hides(self, *texts: str) -> str:
        """Wait until none of the texts is on the screen any more; return the screen."""
        return self._until(
            lambda screen: not any(text in screen for text in texts), f"{texts} gone"
        )

    def ended(self) -> int:
        """Wait for the end of the program; return its exit status, minus the signal if one did it.

        A dead pane has neither for a moment, until tmux has reaped its program.
        """
        try:
            answer = wait_until(self._ending, SCREEN_TIMEOUT_S, "the program ended")
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen shows:\n{self.screen()}") from None
        died = self._ask("#{pane_dead_signal}")
        return -int(died) if died else int(answer)

    def _ending(self) -> str:
        answer = self._ask("#{pane_dead_status},#{pane_dead_signal}").strip(",")
        if not answer and self._ask("#{pane_dead}") == "1":
            # tmux 3.3 sometimes misses the end of a program, and its pane then stays without a
            # status over a process that nobody reaps. Told again, it looks again.
            os.kill(int(self._ask("#{pid}")), signal.SIGCHLD)
        return answer

    def pid(self) -> int:
        """Return the process of the terminal's program."""
        return int(self._ask("#{pane_pid}"))

    def _until(self, holds: Callable[[str], bool], what: str) -> str:
        try:
            wait_until(lambda: holds(self.screen()), SCREEN_TIMEOUT_S, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen shows:\n{self.screen()}") from None
        return self.screen()

    def _ask(self, variable: str) -> str:
        return self._tmux("display-message", "-p", variable).stdout.decode().strip()

    def _tmux(self, *words: str) -> Completed:
        # With these two in the environment, programs believe them instead of the terminal.
        env = {name: os.environ[name] for name in os.environ.keys() - {"COLUMNS", "LINES"}}
        command = ("tmux", "-f", "/dev/null", "-S", self._socket, *words)
        return run_program(command, env=env).check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: object,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        run_program(("tmux", "-S", self._socket, "kill-server"))
