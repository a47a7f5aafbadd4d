"""From a LaunchSpec to a task that waits for GO, with its keeper and its warden."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NoReturn

from vaultui.linux import controlgroup
from vaultui.linux.descendants import send_signal, walk
from vaultui.shim import scope
from vaultui.shim.aftermath import Aftermath, group_name
from vaultui.shim.taskkeeper import TaskKeeper
from vaultui.shim.taskoutput import TaskOutput
from vaultui.shim.warden import Link, Warden
from vaultui.wire.launchspec import LOG, STATUS_FD, LaunchSpec
from vaultui.wire.tasks import (
    STDERR_FD,
    STDERR_FILE,
    STDERR_LOG,
    STDOUT_FD,
    STDOUT_FILE,
    Driver,
    TaskKeeperSpec,
)

_RUNNERS: Final = (Driver.OCI, Driver.ENGINE)
_STREAMS: Final = ((LOG, STDOUT_FILE, STDOUT_FD), (STDERR_LOG, STDERR_FILE, STDERR_FD))


def start_task(
    spec: LaunchSpec,
    task: TaskKeeperSpec,
    filled_in: Callable[[Sequence[int]], list[int]],
    give_up: Callable[[str, OSError], NoReturn],
) -> NoReturn:
    """Start the task and stay with it. `filled_in` finds descriptors for the placeholders of
    `fds`; `give_up` tells the step that failed, and ends."""
    task = _completed(spec, task)
    group = controlgroup.ControlGroup()
    step = "task directory"
    try:
        directory = os.open(task.task_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        step = "control group"
        group = _group(task)
        entrances = group.entrances()
        step = "pipes"
        outputs, writing = _outputs(spec, task)
        down_reading, down = os.pipe()
        up, up_writing = os.pipe()
        step = "fork"
        warden = os.fork()
    except OSError as error:
        with contextlib.suppress(OSError):
            group.remove()
        give_up(step, error)
    after = Aftermath(task, directory, group)
    if warden == 0:
        # The task would have it, too, and the warden would never hear of its keeper's end.
        os.close(down)
        fds = filled_in([writing.get(fd, fd) for fd in spec.fds])
        Warden(spec, task, after, outputs, Link(up_writing, down_reading)).live(fds, entrances)
    os.close(up_writing)
    keeper = TaskKeeper(task, after, outputs, warden=warden, up=up, down=down)
    try:
        begun = keeper.begin()
    except OSError as error:
        # The warden hears that we have ended, and puts away what there is.
        give_up("task record", error)
    if not begun:
        # The warden was killed. What it had started waits for GO, and the front end for its end.
        for pid, start in walk(os.getpid()):
            send_signal(pid, start, signal.SIGKILL)
        after.forget()
        os._exit(1)
    keeper.keep()
    os._exit(0)


def _group(task: TaskKeeperSpec) -> controlgroup.ControlGroup:
    """Make the control group that the limits of the task ask for; raises OSError."""
    limits = task.record.limits
    wanted = controlgroup.GroupLimits(limits.memory_bytes, limits.cpus, limits.pids)
    if not task.grouped or not wanted.controllers():
        return controlgroup.ControlGroup()
    if controlgroup.is_lent(wanted):
        # systemd does not want others to write into its groups beside it. Where it can't be asked,
        # or does not help, what can be made can be made.
        scope.join_with_groups(task.record.vault_name, os.environ, STATUS_FD)
    return controlgroup.make(group_name(task.record.task_id), wanted)


def _completed(spec: LaunchSpec, task: TaskKeeperSpec) -> TaskKeeperSpec:
    relayed = spec.room is not None or task.record.driver in _RUNNERS
    return replace(task, record=replace(task.record, relayed=relayed, teardown=task.teardown))


def _outputs(spec: LaunchSpec, task: TaskKeeperSpec) -> tuple[list[TaskOutput], dict[int, int]]:
    """Return the streams that the task has, and the ends that it writes to."""
    outputs, writing = [], {}
    for placeholder, name, sink in _STREAMS:
        if placeholder in spec.fds:
            source, writing[placeholder] = os.pipe()
            path = os.path.join(task.task_dir, name)
            live = sink if task.live else -1
            outputs.append(TaskOutput(source, path, task.log_max_bytes, task.log_backups, live))
    return outputs, writing
