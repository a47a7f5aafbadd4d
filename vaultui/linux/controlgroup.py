"""A control group of our own: limits for all that belongs to it together, cgroups(7).

Version 1 has a tree for each controller, and the group is a directory in each tree that a limit
needs; version 2 has one tree. A directory of the same name is made below the group that we are
in, or below the first above it that passes the controller on and lets us write: in version 2 a
group that has processes of its own can't pass controllers on, and ours usually has.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.linux import cgroup, process

_PERIOD_US: Final = 100_000
_LEAST_QUOTA_US: Final = 1000
"""The kernel takes no less."""
_KILL_S: Final = 1.0
"""What waits inside a file system that hangs does not even end when it is killed."""
_PROCESSES: Final = "cgroup.procs"
_PASSED_ON: Final = "cgroup.subtree_control"


@dataclass(frozen=True)
class GroupLimits:
    """0 is no limit."""

    memory_bytes: int = 0
    """Without swap."""
    cpus: float = 0.0
    pids: int = 0

    def controllers(self) -> tuple[str, ...]:
        """Return the controllers that are needed for what is limited."""
        wanted = {"memory": self.memory_bytes, "cpu": self.cpus, "pids": self.pids}
        return tuple(name for name, limit in wanted.items() if limit)


class ControlGroup:
    """The directories of one group; there are none without a limit."""

    def __init__(self, directories: Iterable[str | Path] = ()) -> None:
        self.directories = tuple(map(Path, directories))

    def entrances(self) -> tuple[int, ...]:
        """Return descriptors by which processes go in, see `enter`. They outlive a change of user
        and a view in which there are no such files."""
        return tuple(
            os.open(directory / _PROCESSES, os.O_WRONLY | os.O_CLOEXEC)
            for directory in self.directories
        )

    def pids(self) -> set[int]:
        """Return who is in it and in the groups below it, as far as our pid namespace goes."""
        found: set[int] = set()
        for directory in self.directories:
            for group in _depth_first(directory):
                with contextlib.suppress(OSError):
                    found.update(map(int, (group / _PROCESSES).read_text("ascii").split()))
        return found - {0}

    def kill(self) -> bool:
        """Kill all that is in it, and wait for their end; return whether there was anybody.

        Ask again until there is not: what is just being started may be missed.
        """
        pids = self.pids()
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                pidfd = process.open_pidfd(pid)
                # What the descriptor refers to can't change any more; what the pid did, may have.
                if pid in self.pids():
                    process.signal_pidfd(pidfd, signal.SIGKILL)
                    process.wait_pidfd(pidfd, _KILL_S)
                os.close(pidfd)
        return bool(pids)

    def oom_kills(self) -> int:
        """Return how many processes were killed in it for want of memory."""
        names = ("memory.events", "memory.oom_control")
        files = (directory / name for directory in self.directories for name in names)
        return sum(cgroup.counted(file, "oom_kill") or 0 for file in files)

    def remove(self) -> None:
        """Remove it with the groups below it; nobody may be in it.

        Raises the first OSError after everything was tried: EBUSY where somebody is in it.
        """
        failure: OSError | None = None
        for directory in self.directories:
            for group in _depth_first(directory):
                try:
                    group.rmdir()
                except FileNotFoundError:
                    continue
                except OSError as error:
                    failure = failure or error
        if failure is not None:
            raise failure


def make(name: str, limits: GroupLimits) -> ControlGroup:
    """Make a group with limits, which nobody is in so far; raises OSError, and leaves nothing."""
    made: list[Path] = []
    try:
        for directory, controllers in _places(limits.controllers()):
            group = _made_below(directory, name, controllers, unified=_is_unified(directory))
            made.append(group)
            for controller in controllers:
                _limit(group, controller, limits)
    except OSError:
        with contextlib.suppress(OSError):
            ControlGroup(made).remove()
        raise
    return ControlGroup(made)


def is_lent(limits: GroupLimits) -> bool:
    """Return whether what is limited has its controllers in version 2, whose groups can be lent to
    an ordinary user."""
    own = own_groups()
    return "" in own and not any(controller in own for controller in limits.controllers())


def near_own(name: str) -> ControlGroup:
    """Return the groups of a name below ours, in whichever tree somebody has made one.

    In that of version 2 those beside ours, too: runc takes a place there, because a group with
    processes of its own can pass nothing on.
    """
    own = own_groups()
    places = {group / name for group in own.values()}
    unified = own.get("")
    if unified is not None and unified != unified_top():
        places.add(unified.parent / name)
    return ControlGroup(place for place in places if place.is_dir())


def enter(entrances: Iterable[int]) -> None:
    """Go into a group, with all that is started from now on; raises OSError."""
    for entrance in entrances:
        os.write(entrance, b"0")


def retreat(group: Path) -> None:
    """Go into a new group below `group`, of version 2, that is there for nothing else.

    Then `group` has no process any more, and can pass controllers on to others. Raises OSError.
    """
    directory = group / "vaultui"
    directory.mkdir(exist_ok=True)
    _write(directory / _PROCESSES, "0")


def own_groups() -> dict[str, Path]:
    """Return the group that we are in for each controller of version 1, and "" for version 2.

    Trees that are not mounted where they belong are left out.
    """
    lines = Path("/proc/self/cgroup").read_text(errors="surrogateescape").splitlines()
    found = {}
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            # A tree without a controller has a name: systemd's is in a directory of that name.
            name = controller.removeprefix("name=")
            top = cgroup.ROOT / name if name else unified_top()
            if not top.is_dir():
                continue
            # In a container the path may be one of the host's: the top is its own group then.
            group = top / path.lstrip("/")
            found[name] = group if group.is_dir() else top
    return found


def unified_top() -> Path:
    """Return the top of the tree of version 2; beside version 1 it has a directory of its own."""
    beside = cgroup.ROOT / "unified"
    return beside if beside.is_dir() else cgroup.ROOT


def _places(controllers: Iterable[str]) -> list[tuple[Path, list[str]]]:
    """Return the groups that we are in with the controllers that are wanted of each."""
    own = own_groups()
    places: dict[Path, list[str]] = {}
    for controller in controllers:
        group = own.get(controller) or own.get("")
        if group is None:
            raise OSError(errno.ENOENT, f"no control group has the controller {controller}")
        places.setdefault(group, []).append(controller)
    return list(places.items())


def _is_unified(directory: Path) -> bool:
    return (directory / "cgroup.controllers").exists()


def _made_below(group: Path, name: str, controllers: list[str], *, unified: bool) -> Path:
    """Make a directory below `group`, or below the first above it where that is possible."""
    failure: OSError | None = None
    parent = group
    while parent != cgroup.ROOT.parent and (parent / _PROCESSES).exists():
        try:
            if unified:
                _pass_on(parent, controllers)
            directory = parent / name
            directory.mkdir()
        except OSError as error:
            failure = failure or error
        else:
            return directory
        parent = parent.parent
    raise failure or OSError(errno.ENOENT, f"{group} is no control group")


def _pass_on(group: Path, controllers: list[str]) -> None:
    """Have a group of version 2 pass controllers on to those below it; raises OSError."""
    missing = set(controllers) - set((group / _PASSED_ON).read_text("ascii").split())
    there = set((group / "cgroup.controllers").read_text("ascii").split())
    if lacking := missing - there:
        raise OSError(errno.ENOENT, f"{group} has no controller {', '.join(sorted(lacking))}")
    if missing:
        _write(group / _PASSED_ON, " ".join(f"+{name}" for name in sorted(missing)))


def _limit(group: Path, controller: str, limits: GroupLimits) -> None:
    unified = _is_unified(group)
    if controller == "pids":
        _write(group / "pids.max", str(limits.pids))
    elif controller == "cpu":
        quota = max(round(limits.cpus * _PERIOD_US), _LEAST_QUOTA_US)
        if unified:
            _write(group / "cpu.max", f"{quota} {_PERIOD_US}")
        else:
            _write(group / "cpu.cfs_period_us", str(_PERIOD_US))
            _write(group / "cpu.cfs_quota_us", str(quota))
    elif unified:
        _write(group / "memory.max", str(limits.memory_bytes))
        _write_if_there(group / "memory.swap.max", "0")
    else:
        _write(group / "memory.limit_in_bytes", str(limits.memory_bytes))
        # Memory and swap together; not there where the kernel does not count swap.
        _write_if_there(group / "memory.memsw.limit_in_bytes", str(limits.memory_bytes))


def _write(path: Path, text: str) -> None:
    # In one write(2), without O_CREAT or O_TRUNC: these are questions to the kernel, not files.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode("ascii"))
    finally:
        os.close(descriptor)


def _write_if_there(path: Path, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        _write(path, text)


def _depth_first(directory: Path) -> Iterator[Path]:
    """Yield the groups below one, made by those who were in it, and then the group itself.

    Without recursion: who was in it may have made as many as they liked.
    """
    found = [directory]
    for group in found:
        with contextlib.suppress(OSError):
            entries = (one for one in group.iterdir() if not one.is_symlink())
            found += [entry for entry in entries if entry.is_dir()]
    yield from reversed(found)
