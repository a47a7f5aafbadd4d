"""The processes below one: its children, theirs, and so on, whatever group or session they made.

An orphan is among them when somebody above it takes orphans in (PR_SET_CHILD_SUBREAPER of
prctl(2)). What is started meanwhile may be missed, so whoever wants them all looks again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from vaultui.linux import process


def descendants(top: int) -> dict[int, int]:
    """Return the processes below `top` as pids with their start times; zombies are none."""
    return dict(walk(top))


def walk(top: int) -> Iterator[tuple[int, int]]:
    """Yield the same one by one, as soon as each is found: it may be gone a moment later."""
    table = None if _tells_children() else _table()
    pending = [top]
    while pending:
        above = pending.pop()
        for pid in _children(above) if table is None else table.get(above, ()):
            try:
                start, is_alive = process.start_time(pid), not process.is_zombie(pid)
            except ProcessLookupError:
                continue
            if is_alive:
                yield pid, start
            # A first thread that has ended shows as a zombie whose children are still its own.
            pending.append(pid)


def send_signal(pid: int, start: int, number: int) -> bool:
    """Send a signal to this very process; return False when it has ended.

    One that runs under another user, a setuid program, may be out of reach: it is there.
    """
    try:
        descriptor = process.open_pidfd(pid, start)
    except ProcessLookupError:
        return False
    try:
        return process.signal_pidfd(descriptor, number)
    except PermissionError:
        return True
    finally:
        os.close(descriptor)


def _tells_children() -> bool:
    """Return whether the kernel has CONFIG_PROC_CHILDREN."""
    return Path("/proc/thread-self/children").exists()


def _children(pid: int) -> list[int]:
    """Return the children of all threads of a process: proc_tid_children(5)."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split())
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def _table() -> dict[int, list[int]]:
    """Return the children of all processes, where the kernel does not tell those of one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                children.setdefault(process.parent_of(int(name)), []).append(int(name))
            except ProcessLookupError:
                continue
    return children
