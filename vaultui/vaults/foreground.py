"""A program in the foreground, on the terminal that we are on: a shell, an editor."""

from __future__ import annotations

import os
import signal
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import LaunchFailed
from vaultui.vaults.waiting import readable

_LEFT_TO_THE_PROGRAM: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)


async def run(argv: Sequence[str], *, program: str, env: Mapping[str, str] | None = None) -> int:
    """Run a program to its end and return its exit status, 128 + n for signal n.

    Raises LaunchFailed, which calls it `program`.
    """
    with _terminal_lent():
        try:
            child = spawn.start(
                list(argv), fds=(0, 1, 2), env={**os.environ, **(env or {})}, new_session=False
            )
        except OSError as error:
            raise LaunchFailed(program=program, step="exec", reason=reason_of(error)) from error
        try:
            await readable(child.fileno())
            status = child.poll() or 0
        finally:
            child.close()
    return status if status >= 0 else 128 - status


@contextmanager
def _terminal_lent() -> Iterator[None]:
    """Leave the keys of the terminal to a child, and take the terminal back from it.

    A handler that does nothing and not SIG_IGN: what is ignored stays so in the child.
    """
    before = {number: signal.signal(number, _nothing) for number in _LEFT_TO_THE_PROGRAM}
    modes = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        yield
    finally:
        if modes is not None:
            _take_back(modes)
        for number, handler in before.items():
            signal.signal(number, handler)


def _take_back(modes: list[int | list[bytes | int]]) -> None:
    """Make our group the one that reads the terminal: a program that was killed did not."""
    handler = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with suppress(OSError, termios.error):  # the terminal may be gone
            os.tcsetpgrp(0, os.getpgrp())
            termios.tcsetattr(0, termios.TCSADRAIN, modes)
    finally:
        signal.signal(signal.SIGTTOU, handler)


def _nothing(_number: int, _frame: object) -> None:
    """Let the program and what it runs decide what the key means."""
