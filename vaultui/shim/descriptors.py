"""Placing descriptors: index i of a list becomes descriptor i, whatever the numbers were.

The algorithm is that of Go's forkAndExecInChild: what would be overwritten moves up
first, then everything goes to its place.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence

from vaultui.wire.launchspec import CLOSE


def place(fds: Sequence[int], status: int) -> int:
    """Make `fds[i]` descriptor i of this process, to be kept over an exec.

    CLOSE closes that descriptor; one number may stand in several places; of 0, 1 and 2,
    those beyond the end of the list are closed. What was given to `close_all_on_exec` before is
    closed by the exec, `status` among them: it may move, and its number is returned.
    """
    wanted = list(fds)
    free = max(*wanted, len(wanted) - 1, 2) + 1
    if status < free:
        status = _move_up(status, free)
        free = status + 1
    for index, fd in enumerate(wanted):
        # Descriptor `fd` gets its new content before `index` is reached. One already in its
        # place stays: nothing is written over it.
        if 0 <= fd < index:
            wanted[index] = _move_up(fd, free)
            free = wanted[index] + 1
    for index, fd in enumerate(wanted):
        if fd == CLOSE:
            _close_if_open(index)
        elif fd == index:
            os.set_inheritable(fd, True)
        else:
            os.dup2(fd, index)
    for index in range(len(wanted), 3):
        _close_if_open(index)
    return status


def close_all_on_exec() -> None:
    """Mark every open descriptor: ours are, but a parent may have left some.

    It is done first of all, since there may be no /proc in another root directory.
    """
    for fd in open_descriptors():
        os.set_inheritable(fd, False)


def open_descriptors() -> list[int]:
    """Return the open descriptors; the one that was needed to list them is closed again."""
    found = [int(name) for name in os.listdir("/proc/self/fd")]
    return [fd for fd in found if _is_open(fd)]


def _is_open(fd: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_GETFD)
    except OSError:
        return False
    return True


def _move_up(fd: int, minimum: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, minimum)


def _close_if_open(fd: int) -> None:
    try:
        os.close(fd)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
