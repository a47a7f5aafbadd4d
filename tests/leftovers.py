"""What a test left behind: mounts, processes, control groups, found by a directory of its own.

A daemon of a test has that directory in its environment (HOME lies there) or on its command
line, and a mount lies below it. Several runs on one machine do not see each other's.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from mounting import detach, mountpoints_below
from waiting import wait_until

_GRACE_S = float(os.environ.get("VAULTUI_TEST_GRACE", "10"))
"""A backend that was told to unmount a moment ago may take this long to be gone."""
_RECORDS = ("tasks/*/task.json", "*/vaultui/tasks/*/task.json")


@dataclass(frozen=True)
class Process:
    pid: int
    command: str


def pids() -> frozenset[str]:
    """Return the processes that there are now, by their names in /proc."""
    return frozenset(name for name in os.listdir("/proc") if name.isdecimal())


def processes_of(*tops: Path, older: frozenset[str] = frozenset()) -> list[Process]:
    """Return the living processes, other than this one, that belong to one of the directories.

    Those of `older` were there before the directories, and are not looked at.
    """
    needles = [os.fsencode(top) for top in tops]
    found = []
    for name in pids() - older - {str(os.getpid())}:
        command, environment = _words(name)
        if any(_names(command + b"\0" + environment, needle) for needle in needles):
            shown = command.replace(b"\0", b" ").decode("utf-8", "replace").strip()
            found.append(Process(int(name), shown[:160]))
    return found


def describe(*tops: Path, older: frozenset[str] = frozenset()) -> list[str]:
    """Return a line for each mount and process that belongs to one of the directories."""
    mounts = [path for top in tops for path in mountpoints_below(top)]
    return [
        *(f"mount {path}" for path in mounts),
        *(f"process {found.pid}: {found.command}" for found in processes_of(*tops, older=older)),
        *(f"control group {group}" for top in tops for group in control_groups(top)),
    ]


def control_groups(top: Path) -> list[str]:
    """Return the control groups that are still there of tasks which have their records in `top`."""
    # A directory of a test may hold links that nobody can follow, over which Path.glob falls.
    records = (top / path for where in _RECORDS for path in glob.glob(where, root_dir=top))
    named = (group for path in records for group in _groups_named_in(path))
    return [group for group in named if os.path.isdir(group)]


def _groups_named_in(record: Path) -> list[str]:
    try:
        groups: list[str] = json.loads(record.read_bytes())["groups"]
    except (OSError, ValueError, KeyError):
        return []
    return groups


def after_grace(*tops: Path, older: frozenset[str] = frozenset()) -> list[str]:
    """Return `describe` after what is just ending had a moment to end."""
    lines = describe(*tops, older=older)
    deadline = time.monotonic() + _GRACE_S
    while lines and time.monotonic() < deadline:
        time.sleep(0.02)
        lines = describe(*tops, older=older)
    return lines


def sweep(*tops: Path) -> None:
    """Kill the processes and detach the mounts that belong to the directories."""
    kill_processes(*tops)
    for top in tops:
        detach(top)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: not processes_of(*tops), 5, "the swept processes are gone")


def kill_processes(*tops: Path) -> None:
    """SIGKILL every process that belongs to one of the directories."""
    for process in processes_of(*tops):
        try:
            descriptor = os.pidfd_open(process.pid)
        except ProcessLookupError:
            continue
        # The descriptor pins the process, so that a pid that was given to somebody else
        # since the listing is noticed by asking once more.
        with contextlib.suppress(ProcessLookupError):
            if any(again.pid == process.pid for again in processes_of(*tops)):
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        os.close(descriptor)


def _names(words: bytes, needle: bytes) -> bool:
    """Is the path `needle`, or something below it, in one of `words`, which end with NUL?"""
    start = words.find(needle)
    while start >= 0:
        after = words[start + len(needle) : start + len(needle) + 1]
        if after in (b"", b"\0", b"/", b":", b","):
            return True
        start = words.find(needle, start + 1)
    return False


def _words(pid: str) -> tuple[bytes, bytes]:
    """Return command line and environment; waits for those of a process that is just starting.

    posix_spawn(3) and vfork(2) return when the new program has got its memory, a moment before
    first the one and then the other is in it: until then /proc shows them empty.
    """
    while True:
        command, environment = (_read(f"/proc/{pid}/{what}") for what in ("cmdline", "environ"))
        if b"" not in (command, environment) or not _is_starting(pid):
            return command or b"", environment or b""
        time.sleep(0.001)


def _is_starting(pid: str) -> bool:
    """Tell of a process without words whether it is about to get some."""
    stat = _read(f"/proc/{pid}/stat") or b""
    fields = stat.rpartition(b")")[2].split()  # proc_pid_stat(5)
    if len(fields) <= _START_TIME or fields[_STATE] in (b"Z", b"X"):
        return False
    if int(fields[_FLAGS]) & _KERNEL_THREAD:
        return False
    started = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
    # One that runs without words for longer has none.
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started < 1.0


_STATE, _FLAGS, _START_TIME = 0, 6, 19
"""Fields of /proc/PID/stat, counted from the one behind the name."""
_KERNEL_THREAD = 0x00200000
"""PF_KTHREAD of linux/sched.h."""


def _read(path: str) -> bytes | None:
    """Return what is in a file of /proc; None if it is gone or not for us.

    A process that made itself not dumpable hides its environment from other users than root.
    """
    # By descriptor, which takes a fraction of the time: each test looks at processes at its end.
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        content = b""
        while piece := os.read(descriptor, 1 << 16):
            content += piece
        return content
    except OSError:
        return None
    finally:
        os.close(descriptor)
