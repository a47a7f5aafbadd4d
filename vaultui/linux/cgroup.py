"""What the control groups of a process say about its memory: kills for want of it, and limits.

Version 1 has a tree for each controller, version 2 one for all (cgroups(7)); a process may be in
both. In a container the paths of /proc/PID/cgroup may be those of the host, which are not there:
then the top of the tree is the container's own group.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from vaultui.model.records import record

ROOT: Final = Path("/sys/fs/cgroup")


@record(frozen=True)
class _Layout:
    """Where a version of control groups has a tree, and how it names what it counts."""

    top: str
    kills: str
    limit: str
    """Where the kernel kills."""
    limits: tuple[str, ...]
    """That one, and where it slows down."""
    used: str
    reclaimable: str
    """Of memory.stat: pages of files that are dropped before anything is killed."""


_V1: Final = _Layout(
    "memory",
    "memory.oom_control",
    "memory.limit_in_bytes",
    ("memory.limit_in_bytes",),
    "memory.usage_in_bytes",
    "total_inactive_file",
)
_V2: Final = _Layout(
    "",
    "memory.events",
    "memory.max",
    ("memory.max", "memory.high"),
    "memory.current",
    "inactive_file",
)


def oom_kills(pid: int | str = "self") -> tuple[str, int]:
    """Return the memory cgroup of a process, and how many processes the kernel killed in it.

    ("", 0) where that can't be read. A kill shows as a plain SIGKILL, and this counter is
    what tells the two apart; it counts every process of the group.
    """
    found = _memory_group(pid)
    if found is None:
        return "", 0
    layout, group = found
    counter = ROOT / layout.top / group / layout.kills
    count = counted(counter, "oom_kill")
    return ("", 0) if count is None else (str(counter), count)


def memory_left(pid: int | str = "self") -> int | None:
    """Return how many bytes more the groups of a process let it use; None without a limit."""
    found = _memory_group(pid)
    if found is None:
        return None
    layout, group = found
    top = ROOT / layout.top
    left = [
        max(0, limit - (_number(directory / layout.used) or 0) + _reclaimable(directory, layout))
        for directory in _upwards(top, group)
        for name in layout.limits
        if (limit := _number(directory / name)) is not None
    ]
    return min(left, default=None)


def memory_limit(pid: int | str = "self") -> int | None:
    """Return how many bytes the groups of a process let all that are in them use together.

    None without a limit. Version 1 has a number for that as well, larger than any machine.
    """
    found = _memory_group(pid)
    if found is None:
        return None
    layout, group = found
    limits = [
        limit
        for directory in _upwards(ROOT / layout.top, group)
        if (limit := _number(directory / layout.limit)) is not None
    ]
    return min(limits, default=None)


def _memory_group(pid: int | str) -> tuple[_Layout, str] | None:
    """Return where the memory of a process is counted: the layout, and its path in the tree."""
    try:
        groups = Path(f"/proc/{pid}/cgroup").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    unified = None
    for line in groups:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):  # version 1, and hybrid set-ups
            return _V1, path.lstrip("/")
        if not controllers:
            unified = _V2, path.lstrip("/")
    return unified


def _upwards(top: Path, group: str) -> Iterator[Path]:
    """Yield a group and those that it is in: each limits what is below it."""
    directory = top / group
    yield directory
    while directory != top:
        directory = directory.parent
        yield directory


def _reclaimable(directory: Path, layout: _Layout) -> int:
    return counted(directory / "memory.stat", layout.reclaimable) or 0


def counted(path: Path, wanted: str) -> int | None:
    """Return the number behind a name in a file of lines of both, None where there is none."""
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, count = line.partition(" ")
        if name == wanted:
            return int(count)
    return None


def _number(path: Path) -> int | None:
    """Return the number in a file; None for "max", or where there is no such file."""
    try:
        text = path.read_text("ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
