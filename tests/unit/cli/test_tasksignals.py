"""Signals that come while a task starts, runs, and has ended."""

import asyncio
import os
import signal

import pytest

from vaultui.cli.tasksignals import TaskSignals


def press(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def heeding(heard: list[str]) -> dict[signal.Signals, object]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    return {number: lambda number=number: heard.append(number.name) for number in numbers}


def test_ctrl_c_before_the_task_may_run_is_nothing_special() -> None:
    with TaskSignals(), pytest.raises(KeyboardInterrupt):
        press(signal.SIGINT)


def test_signals_before_we_know_that_the_task_runs_wait_and_are_not_lost() -> None:
    heard: list[str] = []

    async def run() -> None:
        signals.heed(heeding(heard))

    with TaskSignals() as signals:
        signals.begin()
        press(signal.SIGINT)
        press(signal.SIGTERM)
        assert heard == []
        asyncio.run(run())
    assert heard == ["SIGINT", "SIGTERM"]


def test_signals_wake_the_loop_up() -> None:
    async def run() -> None:
        woken = asyncio.Event()
        signals.heed({**heeding([]), signal.SIGINT: woken.set})
        asyncio.get_running_loop().call_soon(press, signal.SIGINT)
        async with asyncio.timeout(10):
            await woken.wait()

    with TaskSignals() as signals:
        signals.begin()
        asyncio.run(run())


def test_afterwards_all_is_as_it_was() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def run() -> None:
        signals.heed(heeding([]))

    with asyncio.Runner() as runner:
        with TaskSignals() as signals:
            signals.begin()
            runner.run(run())
        after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert after == before


def test_what_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    heard: list[str] = []

    async def run() -> None:
        signals.heed(heeding(heard))
        press(signal.SIGHUP)
        await asyncio.sleep(0)

    try:
        with TaskSignals() as signals:
            signals.begin()
            press(signal.SIGHUP)
            asyncio.run(run())
        assert heard == []
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
