"""A task with a terminal: ours stands in for its own, keys and window changes included.

The task has one side of a pair, pty(7), we have the other. Our terminal is raw meanwhile, so that
keys such as Ctrl-C mean what they mean to the task.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import termios
import tty
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from vaultui.vaults.patientwrite import write_all

_CHUNK: Final = 1 << 16
_KEYS: Final = 0
_SCREEN: Final = 1


class TerminalRelay:
    """The pair, as long as the task has one side of it. Both our input and output are terminals."""

    def __init__(self) -> None:
        self._ours, self.theirs = os.openpty()
        os.set_blocking(self._ours, False)
        self._modes = termios.tcgetattr(_KEYS)
        self._typed = bytearray()
        self._ended: asyncio.Event | None = None
        self._copy_size()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.handed_over()
        if self._ours >= 0:
            os.close(self._ours)
            self._ours = -1

    def handed_over(self) -> None:
        """Close our copy of the task's side: its end shows when the task has closed its own."""
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    async def until_closed(self) -> None:
        """Relay until nobody has the other side any more; the terminal is as before then."""
        loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        tty.setraw(_KEYS, termios.TCSADRAIN)
        loop.add_signal_handler(signal.SIGWINCH, self._copy_size)
        loop.add_reader(_KEYS, self._read_keys)
        loop.add_reader(self._ours, self._show)
        try:
            await self._ended.wait()
        finally:
            for fd in (_KEYS, self._ours):
                loop.remove_reader(fd)
            loop.remove_writer(self._ours)
            loop.remove_signal_handler(signal.SIGWINCH)
            with suppress(termios.error):  # it may be gone
                termios.tcsetattr(_KEYS, termios.TCSADRAIN, self._modes)

    def _copy_size(self) -> None:
        with suppress(OSError):
            size = fcntl.ioctl(_SCREEN, termios.TIOCGWINSZ, bytes(8))
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, size)

    def _show(self) -> None:
        try:
            data = os.read(self._ours, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # EIO is how the end of a pair reads
            data = b""
        if not data:
            self._end()
            return
        try:
            write_all(_SCREEN, data)
        except OSError:
            self._end()

    def _read_keys(self) -> None:
        data = b""
        with suppress(OSError):
            data = os.read(_KEYS, _CHUNK)
        if not data:  # the terminal is gone: the task gets its SIGHUP when we close ours
            self._end()
            return
        self._typed += data
        self._pass_on()

    def _pass_on(self) -> None:
        """Write what was typed, as far as the task takes it now; the rest when it does."""
        loop = asyncio.get_running_loop()
        try:
            while self._typed:
                del self._typed[: os.write(self._ours, self._typed)]
        except BlockingIOError:
            loop.add_writer(self._ours, self._pass_on)
            return
        except OSError:
            self._typed.clear()
        loop.remove_writer(self._ours)

    def _end(self) -> None:
        assert self._ended is not None
        self._ended.set()
