"""Into the background, gocryptfs's way.

The process that was started stays in front and starts itself again with `-fg -notifypid`;
the child asks for the password and mounts, detaches, and sends SIGUSR1. The parent then
ends with 0; before that, with whatever the child ended with.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys

from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import ForkFailed
from vaultui.mountd import console


def run_in_background(arguments: list[str], mountpoint: str) -> int:
    """Start this program again with `arguments`, and return the exit code for it."""
    signals = _Signals(signal.SIGUSR1, signal.SIGTERM)
    before = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    argv = [sys.executable, *before[1:], "-fg", f"-notifypid={os.getpid()}", *arguments]
    try:
        child = spawn.start(argv, fds=_inherited(), new_session=False)
    except OSError as error:
        raise ForkFailed(reason=reason_of(error)) from error
    # Control-C reaches the child too, which puts the terminal in order and ends; its exit
    # status is what we end with. Not ignored before the start: the child would inherit it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    poll = select.poll()
    poll.register(child, select.POLLIN)
    poll.register(signals, select.POLLIN)
    while (status := child.poll()) is None:
        poll.poll()
        for number in signals.take():
            if number == signal.SIGTERM:
                child.send_signal(number)
            # Anybody may send SIGUSR1: what counts is a living child and a mount.
            elif child.poll() is None and _is_mounted(mountpoint):
                return 0
    return status if status >= 0 else 128 - status


def _is_mounted(mountpoint: str) -> bool:
    # Imported while the child is at work: until it is started, every import is time lost.
    from vaultui.linux.fusemount import handed_over
    from vaultui.linux.mountinfo import mount_at

    # Where a descriptor is mounted that was handed to us, nobody said.
    return handed_over(mountpoint) is not None or mount_at(mountpoint) is not None


class _Signals:
    """Signals as something to poll: a handler that raised could do so at the wrong place."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(writing)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def fileno(self) -> int:
        return self._reading

    def take(self) -> bytes:
        """Return the numbers that came since the last call."""
        try:
            return os.read(self._reading, 64)
        except BlockingIOError:
            return b""


def _inherited() -> list[int]:
    """Return the descriptors that we were started with, each in its place.

    `-config <(…)` names one of them, so they are handed on.
    """
    numbers = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the descriptor of this very listing
            if os.get_inheritable(int(name)):
                numbers.append(int(name))
    places = [spawn.CLOSED] * (max(numbers, default=-1) + 1)
    for number in numbers:
        places[number] = number
    return places


def detach(program: str, *, to_syslog: bool) -> None:
    """Become a daemon: no working directory, session or streams of whoever started us."""
    os.chdir("/")
    with contextlib.suppress(PermissionError):  # we lead a session already
        os.setsid()
    if to_syslog:
        console.log_to_syslog(program)
        _redirect_streams(program)


def _redirect_streams(program: str) -> None:
    """Let go of the standard streams: whoever waits for their end must not wait for us.

    What a library still prints goes to the system log through logger(1), where there is one.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        tag = f"{program}-{os.getpid()}-logger"
        logger = spawn.start(("logger", "-t", tag), fds=(reading, null, null))
    except OSError:
        output = null
    else:
        logger.close()
        output = writing
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    for fd in (null, reading, writing):
        os.close(fd)


def notify(pid: int) -> None:
    """Tell `pid` that the mount is there. It may have ended, or be somebody else's by now."""
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGUSR1)
