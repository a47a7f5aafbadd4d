"""Starting the shim with its descriptors, and hearing from it what became of that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
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
_NONE: Final[Mapping[int, int]] = {}


class ShimStart:
    """One start of the shim. Owns the pipes; `close` when it is over.

    `child` is the process that we started: it becomes the program when there is no keeper,
    and ends at once when there is one.
    """

    def __init__(
        self,
        spec: LaunchSpec,
        payload: Any = None,
        secrets: Sequence[Secret] = (),
        more_fds: Mapping[int, int] = _NONE,
    ) -> None:
        """Start it; raises LaunchFailed. `payload` and `secrets` are for the program alone.

        `more_fds` are descriptors of ours under the numbers that the shim has them by.
        """
        self._spec = spec
        self._forked: Forked | None = None
        try:
            self._start(spec, payload, secrets, more_fds)
        except OSError as error:
            raise LaunchFailed(
                program=spec.program, step="shim", reason=reason_of(error)
            ) from error

    def _start(
        self,
        spec: LaunchSpec,
        payload: Any,
        secrets: Sequence[Secret],
        more_fds: Mapping[int, int],
    ) -> None:
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
            highest = max(more_fds, default=0)
            fds += [more_fds.get(fd, spawn.CLOSED) for fd in range(len(fds), highest + 1)]
            argv = [sys.executable, "-I", "-S", str(_SHIM)]
            self.child = spawn.start(argv, fds=fds, env=backend_environment())
            ours.pop_all()
        self.status, self.notify = FrameReader(status_reading), FrameReader(notify_reading)
        # In a thread: where a user has many pipes, one may hold less than the message.
        self._feeding = asyncio.get_running_loop().run_in_executor(
            None, _feed, spec_writing, payload_writing, spec, payload, secrets
        )

    async def until_forked(self) -> Forked:
        """Return when there is a process; raises LaunchFailed with the step that failed."""
        message: Forked | StepFailed | None = await self.status.message(Forked, StepFailed)
        if isinstance(message, StepFailed):
            raise self._failure(message)
        if message is None:
            raise await self._silence()
        self._forked = message
        return message

    async def until_executed(self) -> Forked:
        """Return when the exec has happened; raises LaunchFailed with the step that failed."""
        failed: StepFailed | None = None
        while (message := await self.status.message(Forked, StepFailed)) is not None:
            match message:
                case Forked():
                    self._forked = message
                case StepFailed():
                    failed = failed or message
        if failed is not None:
            raise self._failure(failed)
        if self._forked is None:
            raise await self._silence()
        return self._forked

    def errors(self) -> str:
        """Return what was written to the standard error so far, the end of it when it is long."""
        size = os.fstat(self._errors).st_size
        start = max(0, size - _MAX_ERRORS)
        return os.pread(self._errors, _MAX_ERRORS, start).decode(errors="replace").strip()

    def _failure(self, failed: StepFailed) -> LaunchFailed:
        reason = os.strerror(failed.errno) if failed.errno else failed.text
        error = LaunchFailed(
            program=self._spec.program, step=failed.step, reason=reason, raw=failed.text
        )
        error.__cause__ = OSError(failed.errno, failed.step)
        return error

    async def _silence(self) -> LaunchFailed:
        """Return the error for a launcher that has ended without a word."""
        await readable(self.child.fileno())
        return LaunchFailed(
            program=self._spec.program,
            step="shim",
            reason=Phrase("the launcher ended with status {status}", status=self.child.poll()),
            raw=self.errors(),
        )

    async def close(self) -> None:
        """Reap the child, which has ended or is ended now, and close everything; once is enough."""
        if self._errors < 0:
            return
        if self.child.poll() is None:
            await asyncio.to_thread(self.child.kill)
        self.child.close()
        # Nobody has the reading ends any more, so the thread can't be waiting.
        await self._feeding
        os.close(self._errors)
        self._errors = -1
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
            if payload is not None:
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
