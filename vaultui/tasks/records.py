"""The directories of tasks: what runs, what has ended, and how.

    RUNTIME/tasks/<id>/    task.json, exit.json, stdout.log, stderr.log, scratch/ …

They lie in memory, for themselves alone, because they hold what is nobody else's business. They
are believed as far as /proc confirms them, and the oldest go when there are too many.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from vaultui.linux import process
from vaultui.linux.controlgroup import ControlGroup
from vaultui.linux.descendants import send_signal
from vaultui.linux.durable import remove_temporaries
from vaultui.linux.treeremoval import remove_tree
from vaultui.model.errors import ProtocolError, TaskUnknown
from vaultui.wire import codec
from vaultui.wire.runrecords import EXIT_FILE
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import SCRATCH_DIR, TASK_FILE, TaskRecord, TaskState

KEPT: Final = 50
"""So many ended tasks are remembered."""

_ID_BYTES: Final = 4
_UNFINISHED_S: Final = 600.0
"""A directory without a record belongs to a start that takes no longer than this."""
_LARGEST: Final = 64 << 20
"""A record has a command line in it, which the kernel limits to less."""
_ROUNDS: Final = 100
"""Of killing: what forks faster than that is not to be had."""

T = TypeVar("T")


@dataclass(frozen=True)
class KnownTask:
    record: TaskRecord
    directory: Path
    state: TaskState
    end: TaskEnd | None = None
    """How it ended, where somebody saw it."""

    @property
    def is_over(self) -> bool:
        return self.state in (TaskState.ENDED, TaskState.LOST)


class TaskRecords:
    """All tasks of one user. Every method looks anew: others start and end tasks, too."""

    def __init__(self, directory: Path) -> None:
        """`directory` is ours alone; without it, or with another one, there are no tasks."""
        self._directory = directory

    def make(self) -> Path:
        """Make the directory of a new task, and return it; its name is the id of the task."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        while True:
            path = self._directory / os.urandom(_ID_BYTES).hex()
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o700)
                break
        (path / SCRATCH_DIR).mkdir(mode=0o700)
        return path

    def listing(self) -> list[KnownTask]:
        """Return all tasks, the newest first."""
        known = [task for path in self._paths() if (task := look(path)) is not None]
        return sorted(known, key=lambda task: task.record.launched_at, reverse=True)

    def ids(self) -> frozenset[str]:
        """Return the ids of all tasks, which costs next to nothing: no record is read."""
        return frozenset(path.name for path in self._paths() if (path / TASK_FILE).exists())

    def find(self, beginning: str) -> KnownTask:
        """Return the task whose id begins so; raises TaskUnknown unless it is exactly one."""
        found = [path for path in self._paths() if beginning and path.name.startswith(beginning)]
        task = look(found[0]) if len(found) == 1 else None
        if task is None:
            raise TaskUnknown(task=beginning)
        return task

    def clear(self, vault_id: str | None = None) -> int:
        """Forget the tasks that are over, of one vault or of all; return how many they were."""
        over = [
            task
            for task in self.listing()
            if task.is_over and vault_id in (None, task.record.vault_id)
        ]
        for task in over:
            forget(task)
        return len(over)

    def prune(self, kept: int = KEPT) -> None:
        """Forget all tasks that are over but the newest, and what was never more than begun.

        The records of those that have ended are not read: a start waits for this.
        """
        over: list[tuple[float, Path]] = []
        for path in self._paths():
            with contextlib.suppress(OSError):
                if (path / EXIT_FILE).exists():
                    over.append(((path / EXIT_FILE).stat().st_mtime, path))
                elif (task := look(path)) is not None:
                    if task.state is TaskState.LOST:
                        put_away(task)
                        over.append((task.record.launched_at, path))
                elif time.time() - path.stat().st_mtime > _UNFINISHED_S:
                    remove_tree(path)
        for _, path in sorted(over, reverse=True)[kept:]:
            with contextlib.suppress(OSError):
                remove_tree(path)

    def _paths(self) -> list[Path]:
        try:
            status = self._directory.lstat()
            # In a place that all users share, somebody else could say which pids are to be killed.
            if status.st_uid != os.geteuid() or not stat.S_ISDIR(status.st_mode):
                return []
            return [path for path in self._directory.iterdir() if len(path.name) == 2 * _ID_BYTES]
        except FileNotFoundError:
            return []


def look(directory: Path) -> KnownTask | None:
    """Return what there is to know of one task; None where there is no record of it."""
    record = _load(directory / TASK_FILE, TaskRecord)
    if record is None:
        return None
    # After the record, and before its processes: an end that is there now is the end.
    alive = has_keepers(record)
    end = _load(directory / EXIT_FILE, TaskEnd)
    if end is not None:
        return KnownTask(record, directory, TaskState.ENDED, end)
    return KnownTask(record, directory, record.state if alive else TaskState.LOST)


def has_keepers(record: TaskRecord) -> bool:
    """Return whether anybody is there who sees to the end of the task."""
    if record.boot_id != process.boot_id():
        return False
    return process.is_same_process(
        record.keeper_pid, record.keeper_start
    ) or process.is_same_process(record.warden_pid, record.warden_start)


def put_away(task: KnownTask) -> None:
    """End what is left of a lost task, and remove all but its record and its output; once."""
    record = task.record
    scratch = task.directory / SCRATCH_DIR
    if not scratch.exists():
        return
    if record.boot_id == process.boot_id():
        # It may have been lost before there was a process of its own.
        if record.task_pid:
            send_signal(record.task_pid, record.task_start, signal.SIGKILL)
        group = ControlGroup(record.groups)
        with contextlib.suppress(OSError):
            for _round in range(_ROUNDS):
                if not group.kill():
                    break
            group.remove()
        # What the keeper would have done; whoever only lists tasks has no need of it.
        from vaultui.shim.aftermath import take_down

        take_down(record.teardown, lambda _text: None)
    for name in (TASK_FILE, EXIT_FILE):
        with contextlib.suppress(OSError):
            remove_temporaries(task.directory / name)
    # What something is mounted on stays, and is tried again the next time.
    with contextlib.suppress(OSError):
        remove_tree(scratch)


def forget(task: KnownTask) -> None:
    """Remove a task that is over with its record and its output."""
    if task.state is TaskState.LOST:
        put_away(task)
    with contextlib.suppress(OSError):
        remove_tree(task.directory)


def read_record(path: Path) -> bytes:
    """Return what is in a file of a task's directory; raises OSError, EINVAL where it is no file.

    A task may put there what it likes: a pipe would be waited for.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        return file.read(_LARGEST)


def _load(path: Path, kind: type[T]) -> T | None:
    try:
        return codec.decode(read_record(path), kind)
    except (OSError, ProtocolError):
        return None
