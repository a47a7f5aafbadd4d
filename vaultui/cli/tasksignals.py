"""What a task in the foreground hears of the signals that we get.

    start ──────────────▶ begin ────────────▶ heed ───────────────▶ exit
      Ctrl-C cancels it     signals wait        they go to the task   as it was before

A task may have written something, and somebody pressed Ctrl-C on it, before we know that it runs.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from types import FrameType, TracebackType
from typing import Any, Final, Self

_HEEDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class TaskSignals:
    """Handlers of signals, put back at the end of a `with`. For the main thread.

    A signal that is ignored stays so: whoever starts us under nohup(1) means the task, too.
    """

    def __init__(self) -> None:
        self._before: dict[signal.Signals, Any] = {}
        self._waiting: list[signal.Signals] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def begin(self) -> None:
        """Keep the signals that come from here on."""
        for number in _HEEDED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._wait)

    def heed(self, handlers: Mapping[signal.Signals, Callable[[], None]]) -> None:
        """Have the loop that runs call these for the signals, first for those that wait."""
        # A handler of the loop wakes it up; ours would be called when something else does.
        self._loop = asyncio.get_running_loop()
        for number in self._before:
            self._loop.add_signal_handler(number, handlers[number])
        for number in self._waiting:
            handlers[number]()

    def _wait(self, number: int, _frame: FrameType | None) -> None:
        self._waiting.append(signal.Signals(number))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            if self._loop is not None:
                self._loop.remove_signal_handler(number)
            signal.signal(number, handler)
