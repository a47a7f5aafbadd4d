"""Commands of a vault's owner that are run after it was opened, and before it is locked.

Each is a line for sh, run as the user of the backend, in his home, with VAULT_NAME and
VAULT_MOUNT in its environment. What it prints goes to the log. They are run in turn, until one
fails, and all of them together have a limit of time. What one leaves running in the background
is left alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque
from collections.abc import Sequence
from typing import Final

import trio

from vaultui.linux import spawn
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import HookFailed
from vaultui.model.language import N_, Phrase
from vaultui.model.terminaltext import shown
from vaultui.mountd.console import log
from vaultui.mountd.control.served import Served

HOOKS_S: Final = 60.0
HURRIED_S: Final = 2.0
"""Before sleep, logout and shutdown: the machine waits for some seconds, and the lock itself
needs a part of them."""
TERM_S: Final = 0.5
"""From TERM to KILL, for one that takes too long."""
SHELL: Final = "/bin/sh"

_TOO_LONG: Final = N_("it took longer than {seconds:g} seconds")
_BY_SIGNAL: Final = N_("ended by {signal}")
_BY_CODE: Final = N_("exit code {code}")
_WITH_WORDS: Final = {
    _TOO_LONG: N_("it took longer than {seconds:g} seconds: {words}"),
    _BY_SIGNAL: N_("ended by {signal}: {words}"),
    _BY_CODE: N_("exit code {code}: {words}"),
}
"""The same with what the hook said last."""
_LINES: Final = 20
"""What a hook said last, as far as an error has it."""
_LINE_BYTES: Final = 2000
_CHUNK: Final = 1 << 16


class Hooks:
    """The hooks of one mount."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._before_lock = trio.CancelScope()

    async def after_unlock(self) -> None:
        """Run what belongs to an open vault; raises HookFailed."""
        await self._run_all(self._served.spec.after_unlock, HOOKS_S)

    async def before_lock(self, within_s: float) -> None:
        """Run what comes before a lock; raises HookFailed. Returns early where it is given up."""
        self._before_lock = trio.CancelScope()
        with self._before_lock:
            await self._run_all(self._served.spec.before_lock, within_s)

    def give_up(self) -> None:
        """End what runs before a lock, which goes on without it."""
        self._before_lock.cancel()

    async def _run_all(self, commands: Sequence[str], within_s: float) -> None:
        deadline = trio.current_time() + within_s
        for command in commands:
            said = _Said()
            with trio.move_on_at(deadline) as limit:
                how = await self._run(command, said)
            if limit.cancelled_caught:
                how = Phrase(_TOO_LONG, seconds=within_s)
            if how:
                if said.lines and how.message in _WITH_WORDS:
                    words = said.lines[-1].rstrip(".")
                    how = Phrase(_WITH_WORDS[how.message], words=words, **how.values)
                raise HookFailed(
                    name=self._served.name,
                    command=command,
                    reason=how,
                    raw="\n".join(said.lines),
                )

    async def _run(self, command: str, said: _Said) -> Phrase | None:
        """Run one hook to its end, and return how it failed. Cancelling ends it."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        try:
            try:
                child = await trio.to_thread.run_sync(self._start, command, writing)
            except OSError as error:
                return Phrase(reason_of(error))
            finally:
                os.close(writing)
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(said.follow, reading)
                    await trio.lowlevel.wait_readable(child)
                    nursery.cancel_scope.cancel()
            except BaseException:
                with trio.CancelScope(shield=True):
                    await _end(child)
                raise
            finally:
                child.poll()
                child.close()
        finally:
            said.read(reading)
            os.close(reading)
        return _how(child.poll())

    def _start(self, command: str, output: int) -> spawn.Child:
        """Start a hook, with the file mode mask that this process had before it served."""
        before = f"umask {self._served.umask:03o}; cd 2>/dev/null || cd /\n"
        return spawn.start(
            (SHELL, "-c", before + command),
            fds=(spawn.NULL, output, output),
            env={
                **os.environ,
                "VAULT_NAME": self._served.name,
                "VAULT_MOUNT": self._served.root,
            },
        )


def told(failure: HookFailed) -> str:
    """Return how a hook failed for the time line, which belongs to its vault."""
    return f"{failure.details['command']}: {failure.details['reason']}"


class _Said:
    """What a hook prints: written to the log, and its last lines kept."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=_LINES)
        self._rest = b""

    async def follow(self, fd: int) -> None:
        """Read until the end of file, or until cancelled."""
        while True:
            await trio.lowlevel.wait_readable(fd)
            if not self._take(fd):
                return

    def read(self, fd: int) -> None:
        """Read what there still is, and take it that no more comes."""
        while self._take(fd):
            pass
        if self._rest:
            self._add(self._rest)

    def _take(self, fd: int) -> bool:
        """Read some of what is there; return whether there was any."""
        try:
            data = os.read(fd, _CHUNK)
        except BlockingIOError:
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._add(line)
        return bool(data)

    def _add(self, line: bytes) -> None:
        text = os.fsdecode(line[:_LINE_BYTES]).strip()
        if text:
            self.lines.append(text)
            log.info("hook: %s", shown(text))


async def _end(child: spawn.Child) -> None:
    """End a hook that runs, with all that it has in its process group.

    It is not reaped here: as long as it is not, nobody else's group can have its number.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with trio.move_on_after(TERM_S):
            await trio.lowlevel.wait_readable(child)


def _how(returncode: int | None) -> Phrase | None:
    """Return in words how a hook failed; None where it did not."""
    if not returncode:
        return None
    if returncode < 0:
        return Phrase(_BY_SIGNAL, signal=signal.Signals(-returncode).name)
    return Phrase(_BY_CODE, code=returncode)
