"""What /proc says of a process, for tests that look at one from outside."""

from __future__ import annotations

import os
from pathlib import Path


def status(pid: int) -> dict[str, str]:
    """Return the lines of /proc/PID/status by their names: {"Uid": "0\\t0\\t0\\t0"}."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def ids(pid: int, kind: str) -> list[int]:
    """Return real, effective, saved and file system id ("Uid", "Gid"), or the "Groups"."""
    return [int(number) for number in status(pid)[kind].split()]


def capabilities(pid: int, kind: str) -> int:
    """Return a set of capabilities as a mask; kind is Inh, Prm, Eff, Bnd or Amb."""
    return int(status(pid)[f"Cap{kind}"], 16)


def terminal(pid: int) -> int:
    """Return the device number of the controlling terminal; 0 for none."""
    return _stat(pid, 7)


def foreground_group(pid: int) -> int:
    """Return the process group in the foreground of that terminal; -1 for none."""
    return _stat(pid, 8)


def namespace(pid: int | str, name: str) -> str:
    """Return what tells a namespace from all others; `name` as in /proc/PID/ns."""
    return os.readlink(f"/proc/{pid}/ns/{name}")


def limit(pid: int, name: str) -> tuple[str, str]:
    """Return soft and hard limit; `name` as in /proc/PID/limits."""
    for line in Path(f"/proc/{pid}/limits").read_text().splitlines():
        if line.startswith(name):
            soft, hard = line.removeprefix(name).split()[:2]
            return soft, hard
    raise AssertionError(f"/proc has no limit {name}")


def cpu_ticks(pid: int) -> int:
    """Return the CPU time of all threads of a process so far, in clock ticks."""
    return _stat(pid, 14) + _stat(pid, 15)


def _stat(pid: int, number: int) -> int:
    """Return a field of proc_pid_stat(5), counted from 1; the second may hold any character."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(fields[number - 3])
