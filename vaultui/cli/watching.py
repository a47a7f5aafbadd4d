"""`status --watch`: the state of vaults as a stream, one JSON value in a line or a screen redrawn.

Nothing is asked while nothing happens: the mount table, the settings, the run files and the
backends' events wake us. Only what has no event is looked for by the clock, while a vault is open.
"""

from __future__ import annotations

import asyncio
import math
import os
import stat
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from vaultui.cli.describe import status_data
from vaultui.cli.output import Output
from vaultui.model.states import VaultState
from vaultui.vaults import Vaults, VaultStatus
from vaultui.vaults.waiting import readable

REDRAW_S: Final = 1.0
"""A person sees the countdown run."""
UNSETTLED_S: Final = 2.0
"""Nobody tells that the last user of a busy vault has let go, or that a hung one answers again."""
LOOK_S: Final = 30.0
"""For an open vault whose storage or backend stops answering, and for the idle clock of one in
use."""
OTHERS_S: Final = 5.0
"""Behind a symbolic link, a mount that seems to be none of ours may be one."""
_CLOCK_SLACK_S: Final = 2.0

_TELLING: Final = (
    *("name", "state", "mountpoint", "read_only", "backend_pid", "open_files"),
    *("idle_timeout_s", "idle_paused", "autolock", "waits_to_lock", "explanation"),
    *("temporary", "holds", "closes_at"),
)
"""Fields whose change is told. The others are clocks and counters, which always change."""


async def watch(
    vaults: Vaults,
    output: Output,
    name: str | None,
    every_s: float | None,
    show: Callable[[Sequence[VaultStatus]], None],
) -> None:
    """Call `show` with the states now, and after every change, until cancelled.

    `every_s` is how often clocks and counters are looked at; None leaves it to the states. Raises
    BrokenPipeError when whoever read our output has gone.
    """
    redraws = output.out.isatty() and not output.as_json
    before: _Told | None = None
    looked, due = 0.0, 0.0
    with vaults.watch() as changes:
        while True:
            concerns_us, now = changes.consume(), time.monotonic()
            if not concerns_us and now < due:
                # Mounts of others come and go, on a machine with containers all the time.
                due = min(due, looked + OTHERS_S)
                await _woken(changes.fileno(), output, due - now)
                continue
            states = await vaults.statuses() if name is None else [await vaults.status(name)]
            told = _Told(states)
            if redraws:
                output.clear_screen()
            if redraws or before is None or told.differs(before):
                show(states)
                before = told
            looked = time.monotonic()
            due = looked + (every_s or _pause(states, redraws))
            await _woken(changes.fileno(), output, due - looked)


def _pause(states: Sequence[VaultStatus], redraws: bool) -> float:
    """Return how long to wait for an event before looking again; for ever while all is locked."""
    if not any(status.mounted for status in states):
        return math.inf
    if redraws:
        return REDRAW_S
    unsettled = any(status.state in (VaultState.BUSY, VaultState.HUNG) for status in states)
    return UNSETTLED_S if unsettled else LOOK_S


async def _woken(changes: int, output: Output, timeout_s: float) -> None:
    limit = None if timeout_s == math.inf else timeout_s
    waits = [asyncio.ensure_future(readable(changes, limit))]
    fd = output.out.fileno()
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        # The end that is written to becomes "readable" when nobody is left to read.
        waits.append(asyncio.ensure_future(readable(fd)))
    try:
        done, _pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    if waits[1:] and waits[1] in done:
        raise BrokenPipeError


class _Told:
    """What was told of some vaults, and when."""

    def __init__(self, states: Sequence[VaultStatus]) -> None:
        self._at = time.monotonic()
        data = [status_data(status) for status in states]
        self._fields = [[vault[key] for key in _TELLING] for vault in data]
        self._left: list[Any] = [vault["idle_left_s"] for vault in data]

    def differs(self, before: _Told) -> bool:
        """Return whether more has changed since than time has passed."""
        if self._fields != before._fields:
            return True
        passed = self._at - before._at
        return any(
            (now is None) != (then is None)
            or (now is not None and abs(now - max(0.0, then - passed)) > _CLOCK_SLACK_S)
            for now, then in zip(self._left, before._left, strict=True)
        )
