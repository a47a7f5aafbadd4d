"""The terminal that a runner has, while it passes on what a container writes to another one."""

from __future__ import annotations

import contextlib
import os
import termios
import tty
from collections.abc import Iterator
from typing import Final

_STANDARD: Final = (0, 1)


@contextlib.contextmanager
def passing_on() -> Iterator[None]:
    """Let each byte through as it is, inside the block, and never wait for a slow one.

    Whoever has the other side is to see what the container's own terminal makes of it. Nothing
    happens to standard streams that are no terminal.
    """
    before = {}
    for fd in _STANDARD:
        if os.isatty(fd):
            before[fd] = termios.tcgetattr(fd)
    try:
        for fd in before:
            tty.setraw(fd)
            os.set_blocking(fd, False)
        yield
    finally:
        for fd, attributes in before.items():
            os.set_blocking(fd, True)
            # Its window may be closed by now.
            with contextlib.suppress(termios.error):
                termios.tcsetattr(fd, termios.TCSADRAIN, attributes)


def copy_size(terminal: int) -> None:
    """Give `terminal` the size of ours; the kernel tells those who run on it."""
    with contextlib.suppress(termios.error):
        termios.tcsetwinsize(terminal, termios.tcgetwinsize(0))
