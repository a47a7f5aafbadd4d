"""A shell of the person's own inside of an open vault, on the terminal that we are on.

The child itself goes to the mount point: this process never touches one, since it may hang.
"""

from __future__ import annotations

import os
import pwd
import signal
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import LaunchFailed
from vaultui.vaults.waiting import readable

VARIABLE: Final = "VAULTUI_VAULT"
"""Set to the vault's name in the shell, for prompts and scripts."""

_ENTER: Final = 'cd -- "$1" && exec "$2"'
_LEFT_TO_THE_SHELL: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP)


def in_shell() -> str:
    """Return the name of the vault whose shell started this program; empty outside of one."""
    return os.environ.get(VARIABLE, "")


async def run(name: str, directory: str) -> int:
    """Run a shell in `directory` to its end and return its exit status; raises LaunchFailed."""
    shell = os.environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell or "/bin/sh"
    # The prompt of Debian's and Ubuntu's bash shows the second one; elsewhere it does nothing.
    names = {VARIABLE: name, "debian_chroot": name}
    with _terminal_lent():
        try:
            child = spawn.start(
                ["/bin/sh", "-c", _ENTER, "sh", directory, shell],
                fds=(0, 1, 2),
                env={**os.environ, **names},
                new_session=False,
            )
        except OSError as error:
            raise LaunchFailed(program=shell, step="exec", reason=reason_of(error)) from error
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
    before = {number: signal.signal(number, _nothing) for number in _LEFT_TO_THE_SHELL}
    modes = termios.tcgetattr(0) if os.isatty(0) else None
    try:
        yield
    finally:
        if modes is not None:
            _take_back(modes)
        for number, handler in before.items():
            signal.signal(number, handler)


def _take_back(modes: list[int | list[bytes | int]]) -> None:
    """Make our group the one that reads the terminal: a shell that was killed did not."""
    handler = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with suppress(OSError, termios.error):  # the terminal may be gone
            os.tcsetpgrp(0, os.getpgrp())
            termios.tcsetattr(0, termios.TCSADRAIN, modes)
    finally:
        signal.signal(signal.SIGTTOU, handler)


def _nothing(_number: int, _frame: object) -> None:
    """Let the shell and what it runs decide what the key means."""
