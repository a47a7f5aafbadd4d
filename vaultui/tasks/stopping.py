"""Ending a task, for whichever front end: the one that started it, or one that found it."""

from __future__ import annotations

import signal

from vaultui.supervisor.watched import WatchedProcess
from vaultui.wire.tasks import RELAYED_KILL_S, TaskRecord

_PUT_AWAY_S = 30.0


async def until_ended(record: TaskRecord) -> None:
    """Return when nobody is left who sees to the task: it has ended, and all is put away."""
    # The warden outlives a keeper that was killed, and does its work.
    for pid, start in _keepers(record):
        with WatchedProcess(pid, start) as watched:
            await watched.wait()


async def stop(record: TaskRecord, *, grace_s: float | None = None, now: bool = False) -> bool:
    """Have a task stopped, and return whether it has ended.

    It gets the grace that it was started with, and at most `grace_s` seconds of it where that is
    given; with `now` none. One that can't be killed since it waits inside a file system that hangs
    is not waited for. Those who see to its end go on, where somebody has stopped them (SIGSTOP).
    """
    with WatchedProcess(record.keeper_pid, record.keeper_start) as keeper:
        if not now:
            for number in (signal.SIGTERM, signal.SIGCONT):
                keeper.send_signal(number)
            await keeper.wait(grace_s)
        for number in (signal.SIGQUIT, signal.SIGCONT):
            keeper.send_signal(number)
        ended = await keeper.wait(RELAYED_KILL_S + _PUT_AWAY_S)
    with WatchedProcess(record.warden_pid, record.warden_start) as warden:
        warden.send_signal(signal.SIGCONT)
        return ended and await warden.wait(RELAYED_KILL_S + _PUT_AWAY_S)


def _keepers(record: TaskRecord) -> tuple[tuple[int, int], ...]:
    return (
        (record.keeper_pid, record.keeper_start),
        (record.warden_pid, record.warden_start),
    )
