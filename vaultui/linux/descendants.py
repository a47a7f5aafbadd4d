"""The processes below one: its children, theirs, and so on, whatever group or session they made.

They are found through the parents that /proc tells. An orphan is found as well when somebody
above it takes orphans in (PR_SET_CHILD_SUBREAPER of prctl(2)).
"""

from __future__ import annotations

import os
from pathlib import Path

from vaultui.linux import process


def descendants(top: int) -> dict[int, int]:
    """Return the processes below `top` as pids with their start times; zombies are none."""
    children: dict[int, list[tuple[int, int]]] = {}
    zombies = set()
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                line = Path(f"/proc/{name}/stat").read_bytes()
            except OSError:
                continue
            # The second field may hold any character: proc_pid_stat(5).
            fields = line[line.rindex(b")") + 2 :].split()
            children.setdefault(int(fields[1]), []).append((int(name), int(fields[19])))
            if fields[0] in (b"Z", b"X"):
                zombies.add(int(name))
    found: dict[int, int] = {}
    pending = [top]
    while pending:
        for pid, start in children.get(pending.pop(), ()):
            # A first thread that has ended shows as a zombie whose children are still its own.
            pending.append(pid)
            if pid not in zombies:
                found[pid] = start
    return found


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
