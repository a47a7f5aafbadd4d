"""Waiting until the application has nothing left to do but wait, asked of the event loop.

Textual's pilot guesses it from the processor time of the process: at least forty milliseconds
a key, and on a busy machine a process that gets no turn looks like one that is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import textual.app
import textual.pilot
from textual._context import active_app

_DEADLINE_S = 30.0


class Threads:
    """Counts the calls that the application has under way in threads."""

    def __init__(self) -> None:
        self.calls = 0
        self._to_thread = asyncio.to_thread

    async def to_thread(self, function: Callable[..., Any], /, *args: Any, **options: Any) -> Any:
        self.calls += 1
        try:
            return await self._to_thread(function, *args, **options)
        finally:
            self.calls -= 1


def still_pilot(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every pilot wait for stillness where it would guess."""
    threads = Threads()

    async def wait_for_stillness(_least: float = 0.0, _most: float = 0.0) -> None:
        await settled(active_app.get(), threads)

    monkeypatch.setattr(asyncio, "to_thread", threads.to_thread)
    for module in (textual.app, textual.pilot):
        monkeypatch.setattr(module, "wait_for_idle", wait_for_stillness)


async def settled(app: textual.app.App[Any], threads: Threads) -> None:
    """Return when the application has done all it has to do, and has drawn it."""
    deadline = time.monotonic() + _DEADLINE_S
    while time.monotonic() < deadline:
        await asyncio.sleep(0)
        if threads.calls:
            await asyncio.sleep(0.001)
        elif not _all_others_wait():
            continue
        elif not _paint(app):
            return
    raise AssertionError(f"the application is still at work after {_DEADLINE_S:g} seconds")


def _all_others_wait() -> bool:
    """Tell whether each task but this one waits for something that has not happened yet."""
    own = asyncio.current_task()
    waiting_for = (task._fut_waiter for task in asyncio.all_tasks() if task is not own)
    return all(future is not None and not future.done() for future in waiting_for)


def _paint(app: textual.app.App[Any]) -> bool:
    """Do at once what the screen in front would do with its next frame; False for nothing."""
    timer = app.screen._update_timer
    if not timer._active.is_set():
        return False
    app.screen._on_timer_update()
    return True
