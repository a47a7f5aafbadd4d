"""Processes that are not our children: is it the same one, has it ended, tell it something.

A pid is reused; a pidfd is not. Whoever kept a pid in a file keeps the start time beside it.
"""

from __future__ import annotations

import errno
import os
import select
import signal
from pathlib import Path
from typing import Final, NoReturn

_NO_PROCESS: Final = (errno.ESRCH, errno.EINVAL, errno.ENOENT)
"""Of pidfd_open(2). The last two, by kernel version, for a number that a thread has by now."""


def start_time(pid: int) -> int:
    """Return when `pid` started, in clock ticks since boot: field 22 of proc_pid_stat(5).

    Raises ProcessLookupError when there is no such process.
    """
    return int(_stat_fields(pid)[19])


def is_same_process(pid: int, start: int) -> bool:
    """Return whether `pid` still is the process that started at `start`, and has not ended.

    A zombie has ended, though its pid is still taken.
    """
    try:
        fields = _stat_fields(pid)
    except ProcessLookupError:
        return False
    return int(fields[19]) == start and fields[0] not in (b"Z", b"X")


def is_zombie(pid: int) -> bool:
    """Return whether a process has ended; raises ProcessLookupError when it is gone altogether."""
    return _stat_fields(pid)[0] in (b"Z", b"X")


def parent_of(pid: int) -> int:
    """Return the parent's pid; raises ProcessLookupError when there is no such process."""
    return int(_stat_fields(pid)[1])


def open_pidfd(pid: int, start: int | None = None) -> int:
    """Return a descriptor of the process, readable when it has ended.

    Raises ProcessLookupError when it is gone, or when `start` is given and the pid belongs
    to another process by now.
    """
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        if error.errno not in _NO_PROCESS:
            raise
        raise ProcessLookupError(f"process {pid} has ended") from error
    # Checked after opening: what the descriptor refers to can't change any more.
    if start is not None and not is_same_process(pid, start):
        os.close(pidfd)
        raise ProcessLookupError(f"process {pid} has ended")
    return pidfd


def wait_pidfd(pidfd: int, timeout: float | None) -> bool:
    """Return True when the process has ended, False after `timeout` seconds (None: no limit)."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))


def signal_pidfd(pidfd: int, number: int) -> bool:
    """Send a signal; return False when the process has ended already."""
    try:
        signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return False
    return True


def has_say_in(pid: int, number: int) -> bool:
    """Return whether a process catches, ignores or blocks a signal, or is gone.

    The SigBlk, SigIgn and SigCgt of proc_pid_status(5).
    """
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return True
    fields = dict(line.split(b":", 1) for line in status.splitlines() if b":" in line)
    masks = (int(fields.get(name, b"0"), 16) for name in (b"SigBlk", b"SigIgn", b"SigCgt"))
    return any(mask >> (number - 1) & 1 for mask in masks)


def end_like(status: int) -> NoReturn:
    """End as another process did, of whose end `status` tells as wait(2) does.

    By the same signal where it was one, but without a core of its own: that would be ours.
    """
    if not os.WIFSIGNALED(status):
        os._exit(os.WEXITSTATUS(status))
    # Few processes end like this, and all that watch others load this module.
    import resource

    number = os.WTERMSIG(status)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def boot_id() -> str:
    """Return what tells this boot of the machine from all others."""
    return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()


def command_name(pid: int) -> str:
    """Return the short name of a process, or "?" when it is gone."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/comm").read_bytes().rstrip(b"\n"))
    except OSError:
        return "?"


def _stat_fields(pid: int) -> list[bytes]:
    """Return the fields from the third on, the state: the second may hold any character."""
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ProcessLookupError(f"process {pid} has ended") from error
    return line[line.rindex(b")") + 2 :].split()
