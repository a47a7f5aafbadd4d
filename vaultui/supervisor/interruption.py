"""Finishing what must be finished although the task was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end, however often the caller is cancelled meanwhile.

    For ending and reaping processes: `work` must be bounded in time by itself. A
    cancellation that arrives meanwhile is not lost: the caller is on its way out of an
    exception already, and raises that one.
    """
    task = asyncio.ensure_future(work)
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            continue
    return task.result()
