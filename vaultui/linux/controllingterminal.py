"""The terminal of a session: taking one, giving it up, and who is in its foreground.

ioctl_tty(2), credentials(7). Not the terminal's modes, which are whoever's who looks at it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import termios
from typing import Final

_NAME: Final = "/dev/tty"
"""What every process calls the terminal of its own session."""


def put_in_foreground(terminal: int, group: int) -> None:
    """Let a process group of our session read from the terminal and get its Ctrl-C.

    Raises OSError: ENOTTY where it is not the terminal of our session.
    """
    # Asked for from the background this stops the asking process with SIGTTOU, unless that is
    # blocked.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(terminal, group)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def take(terminal: int) -> None:
    """Make it the terminal of our session, which we lead and which has none.

    Raises PermissionError otherwise, or where another session has it.
    """
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def give_up() -> None:
    """Have no terminal any more; no error where there was none.

    When the leader of a session does so, the whole session loses it: the foreground group gets
    SIGHUP and SIGCONT.
    """
    try:
        terminal = os.open(_NAME, os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return
        raise
    try:
        fcntl.ioctl(terminal, termios.TIOCNOTTY)
    finally:
        os.close(terminal)
