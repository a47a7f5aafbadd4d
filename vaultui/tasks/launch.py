"""Starting a task: from a LaunchSpec to a process that waits for GO.

    task = await launch(spec, streams)      it is on record, and nothing has begun
    …                                       the vault is told what it is kept open for
    await task.go()                         its program is executed
    end = await task.wait()                 it has ended, and all is put away
    await task.close()

The conversation with the launcher is drawn in wire.tasks.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from vaultui.linux import spawn
from vaultui.linux.treeremoval import remove_tree
from vaultui.model.errors import LaunchFailed, ProtocolError
from vaultui.model.language import N_
from vaultui.model.secret import Secret
from vaultui.supervisor.interruption import uninterrupted
from vaultui.supervisor.shimstart import ShimStart
from vaultui.tasks.records import look
from vaultui.tasks.running import RunningTask, reason_in_words
from vaultui.tasks.streams import DETACHED, Streams
from vaultui.wire.launchspec import LOG, NULL, LaunchSpec
from vaultui.wire.tasks import (
    GO_FD,
    SCRATCH_DIR,
    STDERR_FD,
    STDERR_LOG,
    STDIN_FD,
    STDOUT_FD,
    TaskKeeperSpec,
)

_PUT_AWAY_S: Final = 10.0
_TERMINAL: Final = (STDIN_FD, STDIN_FD, STDIN_FD)


async def launch(
    spec: LaunchSpec,
    streams: Streams = DETACHED,
    *,
    payload: Any = None,
    secrets: Sequence[Secret] = (),
) -> RunningTask:
    """Start the keeper of `spec.task`, and return when the task waits for GO.

    `spec.task.task_dir` is there, made by `TaskRecords.make`. The standard streams are filled in
    here, into the first three of `spec.fds`. `payload` and `secrets` are for the mount backend of a
    room. Raises LaunchFailed or ControlGroupRefused; whatever is raised, a cancellation too,
    nothing is left, the directory neither.
    """
    assert spec.task is not None
    directory = Path(spec.task.task_dir)
    spec = _with_streams(spec, spec.task, streams)
    go_reading, go_writing = os.pipe()
    shim: ShimStart | None = None
    try:
        try:
            shim = ShimStart(spec, payload, secrets, _descriptors(streams, go_reading))
        finally:
            os.close(go_reading)
        await shim.until_forked()
        known = look(directory)
        if known is None:
            raise LaunchFailed(
                program=spec.program, step="task record", reason=N_("it is not there")
            )
        return RunningTask(spec, shim, go_writing, known.record)
    except BaseException as error:
        os.close(go_writing)
        await uninterrupted(_put_away(shim, directory))
        if isinstance(error, LaunchFailed):
            raise reason_in_words(error, spec) from error.__cause__
        raise


def _with_streams(spec: LaunchSpec, task: TaskKeeperSpec, streams: Streams) -> LaunchSpec:
    if streams.terminal >= 0:
        standard = _TERMINAL
        attributes = replace(spec.attributes, controlling_terminal=0)
    else:
        standard = (STDIN_FD if streams.stdin >= 0 else NULL, LOG, STDERR_LOG)
        attributes = spec.attributes
    scratch = os.path.join(task.task_dir, SCRATCH_DIR)
    teardown = replace(task.teardown, directories=(*task.teardown.directories, scratch))
    return replace(
        spec,
        fds=(*standard, *spec.fds[3:]),
        attributes=attributes,
        task=replace(task, live=streams.live, teardown=teardown),
    )


def _descriptors(streams: Streams, go: int) -> Mapping[int, int]:
    """Return what of ours the shim gets, by its numbers."""
    given = {GO_FD: go}
    if streams.terminal >= 0:
        given[STDIN_FD] = streams.terminal
    elif streams.stdin >= 0:
        given[STDIN_FD] = streams.stdin
    if streams.live:
        for number, fd in ((STDOUT_FD, streams.stdout), (STDERR_FD, streams.stderr)):
            given[number] = fd if fd >= 0 else spawn.NULL
    return given


async def _put_away(shim: ShimStart | None, directory: Path) -> None:
    """See to what is left of a start: without GO it ends by itself."""
    if shim is not None:
        with contextlib.suppress(LaunchFailed, ProtocolError, TimeoutError):
            async with asyncio.timeout(_PUT_AWAY_S):
                await shim.until_executed()
        await shim.close()
    remove_tree(directory)
