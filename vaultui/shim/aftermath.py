"""What is done when a task has ended, by its keeper or, where that was killed, by its warden.

Everything may be done twice, and a step that fails does not keep the others from being taken.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from vaultui.linux import controlgroup
from vaultui.linux.controlgroup import ControlGroup
from vaultui.linux.durable import remove_temporaries, write_durably
from vaultui.wire import codec
from vaultui.wire.runrecords import EXIT_FILE, EXIT_LAUNCH_FAILED, ExitState
from vaultui.wire.taskend import Reaped, TaskEnd
from vaultui.wire.tasks import (
    OUT_OF_MEMORY_FILE,
    TASK_FILE,
    TaskKeeperSpec,
    TaskRecord,
    Teardown,
)

_COMMAND_S: Final = 40.0
"""For each command of a teardown; more than the removal of a container that may be just being made
waits for it."""
_RESERVE: Final = f".{EXIT_FILE}.{0:012x}.tmp"
"""Room for the end of a task that has filled the memory it writes to; `put_away` removes it."""
_RESERVED_BYTES: Final = 4096


def group_name(task_id: str) -> str:
    """Return what the control group of a task is called."""
    return f"vaultui-{task_id}"


class Aftermath:
    def __init__(self, spec: TaskKeeperSpec, directory: int, group: ControlGroup) -> None:
        """`directory` is a descriptor of the task's own."""
        self._spec = spec
        self.directory = directory
        self._group = group
        self.record = replace(spec.record, groups=tuple(map(str, group.directories)))

    def reserve(self) -> None:
        """Have room for how the task ends, whatever it does until then; raises OSError."""
        write_durably(_RESERVE, bytes(_RESERVED_BYTES), dir_fd=self.directory, flush=False)

    def write_record(self, record: TaskRecord) -> None:
        """Write task.json; raises OSError."""
        self.record = record
        self._write(TASK_FILE, record)

    def write_end(
        self,
        pid: int,
        reaped: Reaped | None,
        started_at: float,
        *,
        timed_out: bool = False,
        stopped: bool = False,
        oom_killed: bool = False,
    ) -> None:
        """Write exit.json; raises OSError. Without `reaped` it is as if it had not begun."""
        end = reaped or Reaped(EXIT_LAUNCH_FAILED << 8, 0.0, 0.0, 0)
        by_signal = os.WIFSIGNALED(end.status)
        state = ExitState(
            pid=pid,
            exit_code=None if by_signal else os.WEXITSTATUS(end.status),
            signal=os.WTERMSIG(end.status) if by_signal else None,
            core_dumped=by_signal and os.WCOREDUMP(end.status),
            oom_killed=oom_killed or self._group.oom_kills() > 0 or self._has(OUT_OF_MEMORY_FILE),
            started_at=started_at,
            ended_at=time.time(),
            user_s=end.user_s,
            system_s=end.system_s,
            max_rss_kib=end.max_rss_kib,
        )
        try:
            self._write(EXIT_FILE, TaskEnd(state, timed_out, stopped))
        except OSError:
            self._write_into_reserve(codec.encode(TaskEnd(state, timed_out, stopped)))

    def is_written(self) -> bool:
        """Return whether the end is on record."""
        return self._has(EXIT_FILE)

    def put_away(self, tell: Callable[[str], None]) -> None:
        """Take the control group down, and what else the task had. `tell` gets what went wrong."""
        take_down(self._spec.teardown, tell)
        for name in (TASK_FILE, EXIT_FILE):
            # A keeper that was killed while it wrote leaves what it had.
            with contextlib.suppress(OSError):
                remove_temporaries(os.path.join(self._spec.task_dir, name))
        # A runtime for containers makes groups of that name where we have made none, and leaves
        # them when it is killed.
        for group in (self._group, controlgroup.near_own(group_name(self._spec.record.task_id))):
            try:
                group.remove()
            except OSError as error:
                tell(f"a control group stays: {error}")

    def forget(self) -> None:
        """Remove all that there is of a task that has never begun."""
        from vaultui.linux.treeremoval import remove_tree

        self.put_away(lambda _text: None)
        with contextlib.suppress(OSError):
            remove_tree(self._spec.task_dir)

    def _has(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self.directory)
        except FileNotFoundError:
            return False
        return True

    def _write_into_reserve(self, data: bytes) -> None:
        where = self.directory
        fd = os.open(_RESERVE, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=where)
        try:
            os.pwrite(fd, data, 0)
            os.ftruncate(fd, len(data))
        finally:
            os.close(fd)
        os.rename(_RESERVE, EXIT_FILE, src_dir_fd=where, dst_dir_fd=where)

    def _write(self, name: str, message: TaskRecord | TaskEnd) -> None:
        # In memory, and of no use after the next boot: nothing to wait for a disk for.
        write_durably(name, codec.encode(message), dir_fd=self.directory, flush=False)


def take_down(teardown: Teardown, tell: Callable[[str], None]) -> None:
    """Run the commands and remove the directories of a teardown."""
    for command in teardown.commands:
        from vaultui.linux import spawn

        try:
            done = spawn.run(command, timeout=_COMMAND_S)
        except (OSError, TimeoutError) as error:
            tell(f"{command[0]}: {error}")
        else:
            if done.returncode:
                said = bytes(done.stderr).decode(errors="replace").strip()
                tell(f"{command[0]} ended with {done.returncode}: {said}")
    for directory in teardown.directories:
        from vaultui.linux.treeremoval import remove_tree

        try:
            remove_tree(directory)
        except OSError as error:
            tell(f"{directory} stays: {error}")
