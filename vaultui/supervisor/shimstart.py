"""Starting the shim with its five descriptors, and hearing from it what became of that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import vaultui
from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import LaunchFailed
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.supervisor.environment import backend_environment
from vaultui.supervisor.pipes import FrameReader, readable
from vaultui.wire import framing
from vaultui.wire.launchspec import (
    NOTIFY_FD,
    PAYLOAD_FD,
    SPEC_FD,
    STATUS_FD,
    Forked,
    LaunchSpec,
    StepFailed,
)

_SHIM: Final = Path(vaultui.__file__).parent / "shim" / "__main__.py"
_MAX_ERRORS: Final = 16 << 10


class ShimStart:
    """One start of the shim. Owns the pipes; `close` when it is over.

    `child` is the process that we started: it becomes the program when there is no keeper,
    and ends at once when there is one.
    """

    def __init__(self, spec: LaunchSpec, payload: Any, secrets: Sequence[Secret]) -> None:
        """Start it; raises LaunchFailed. `payload` and `secrets` are for the program alone."""
        self._spec = spec
        try:
            self._start(spec, payload, secrets)
        except OSError as error:
            raise LaunchFailed(
                program=spec.program, step="shim", reason=reason_of(error)
            ) from error

    def _start(self, spec: LaunchSpec, payload: Any, secrets: Sequence[Secret]) -> None:
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            # The shim's standard error, and the program's where nothing else is asked for: a
            # file in memory never makes the writer wait.
            self._errors = os.memfd_create("vaultui-errors")
            ours.callback(os.close, self._errors)
            spec_reading, spec_writing = _pipe(theirs, ours)
            payload_reading, payload_writing = _pipe(theirs, ours)
            status_writing, status_reading = _pipe(theirs, ours, child_writes=True)
            notify_writing, notify_reading = _pipe(theirs, ours, child_writes=True)
            fds = [spawn.NULL, self._errors, self._errors, *[spawn.CLOSED] * 4]
            fds[SPEC_FD], fds[PAYLOAD_FD] = spec_reading, payload_reading
            fds[STATUS_FD], fds[NOTIFY_FD] = status_writing, notify_writing
            argv = [sys.executable, "-I", "-S", str(_SHIM)]
            self.child = spawn.start(argv, fds=fds, env=backend_environment())
            ours.pop_all()
        self.status, self.notify = FrameReader(status_reading), FrameReader(notify_reading)
        # In a thread: where a user has many pipes, one may hold less than the message.
        self._feeding = asyncio.get_running_loop().run_in_executor(
            None, _feed, spec_writing, payload_writing, spec, payload, secrets
        )

    async def until_executed(self) -> Forked:
        """Return when the exec has happened; raises LaunchFailed with the step that failed."""
        forked: Forked | None = None
        failed: StepFailed | None = None
        while (message := await self.status.message(Forked, StepFailed)) is not None:
            match message:
                case Forked():
                    forked = message
                case StepFailed():
                    failed = message
        if failed is not None:
            reason = os.strerror(failed.errno) if failed.errno else failed.text
            raise LaunchFailed(
                program=self._spec.program, step=failed.step, reason=reason, raw=failed.text
            ) from OSError(failed.errno, failed.step)
        if forked is None:
            await readable(self.child.fileno())
            raise LaunchFailed(
                program=self._spec.program,
                step="shim",
                reason=Phrase("the launcher ended with status {status}", status=self.child.poll()),
                raw=self.errors(),
            )
        return forked

    def errors(self) -> str:
        """Return what was written to the standard error so far, the end of it when it is long."""
        size = os.fstat(self._errors).st_size
        start = max(0, size - _MAX_ERRORS)
        return os.pread(self._errors, _MAX_ERRORS, start).decode(errors="replace").strip()

    async def close(self) -> None:
        """Reap the child, which has ended or is ended now, and close everything."""
        if self.child.poll() is None:
            await asyncio.to_thread(self.child.kill)
        self.child.close()
        # Nobody has the reading ends any more, so the thread can't be waiting.
        await self._feeding
        os.close(self._errors)
        self.status.close()
        self.notify.close()


def _feed(
    spec_writing: int,
    payload_writing: int,
    spec: LaunchSpec,
    payload: Any,
    secrets: Sequence[Secret],
) -> None:
    """Write both specifications and close their pipes.

    A reader that is gone is no error here: the status pipe says why.
    """
    try:
        with contextlib.suppress(BrokenPipeError):
            framing.write_message(spec_writing, spec)
    finally:
        os.close(spec_writing)
    try:
        with contextlib.suppress(BrokenPipeError):
            framing.write_message(payload_writing, payload)
            for secret in secrets:
                framing.write_secret(payload_writing, secret)
    finally:
        os.close(payload_writing)


def _pipe(
    theirs: contextlib.ExitStack, ours: contextlib.ExitStack, *, child_writes: bool = False
) -> tuple[int, int]:
    """Return a pipe as the child's end and ours, each to be closed by its stack."""
    reading, writing = os.pipe()
    child, own = (writing, reading) if child_writes else (reading, writing)
    theirs.callback(os.close, child)
    ours.callback(os.close, own)
    return child, own
