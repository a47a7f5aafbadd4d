"""The request loop: who reads next, when trio gets its turn, and that pyfuse3 really uses it."""

from __future__ import annotations

import errno
import os
import threading

import pyfuse3
import pytest
import trio
import trio.testing

from vaultui.mountd.data import requestloop
from vaultui.mountd.data.requestloop import ReadTurn, RequestLoop


def test_the_turn_is_taken_and_given_back_without_a_pause() -> None:
    async def run() -> None:
        turn = ReadTurn()
        others = []

        async def other() -> None:
            others.append("ran")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            for _ in range(100):
                async with turn:
                    pass
            assert others == []

    trio.run(run)


def test_a_waiting_worker_takes_the_turn_when_its_holder_pauses() -> None:
    async def run() -> list[str]:
        turn, order = ReadTurn(), []

        async def worker(name: str) -> None:
            async with turn:
                order.append(name)
                await trio.lowlevel.checkpoint()
            order.append(f"{name} left")

        async with trio.open_nursery() as nursery:
            for name in ("a", "b", "c"):
                nursery.start_soon(worker, name)
        return order

    order = trio.run(run)
    assert sorted(order) == ["a", "a left", "b", "b left", "c", "c left"]
    entered = [name for name in order if "left" not in name]
    for name in entered[1:]:
        before = entered[entered.index(name) - 1]
        assert order.index(f"{before} left") < order.index(name)


def test_a_cancelled_waiter_does_not_keep_the_turn_from_others() -> None:
    async def run() -> bool:
        turn = ReadTurn()
        async with trio.open_nursery() as nursery:

            async def waits(scope: trio.CancelScope) -> None:
                with scope:
                    async with turn:
                        raise AssertionError("it was cancelled")

            scopes = [trio.CancelScope(), trio.CancelScope()]
            async with turn:
                for scope in scopes:
                    nursery.start_soon(waits, scope)
                await trio.testing.wait_all_tasks_blocked()
                for scope in scopes:
                    scope.cancel()
        with trio.move_on_after(5):
            async with turn:
                return True
        return False

    assert trio.run(run)


def test_waiting_returns_at_once_while_requests_are_there_and_passes_through_trio_now_and_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(requestloop, "REQUESTS_PER_PASS", 10)
    reading, writing = os.pipe()
    os.write(writing, b"x")
    passes = 0

    async def run() -> None:
        nonlocal passes
        loop = RequestLoop()
        for _ in range(100):
            await loop.wait_readable(reading)
        passes = loop.passes

    trio.run(run)
    os.close(reading)
    os.close(writing)
    assert passes == 10


def test_waiting_parks_in_trio_when_nothing_comes() -> None:
    reading, writing = os.pipe()

    async def run() -> None:
        loop = RequestLoop()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(loop.wait_readable, reading)
            await trio.testing.wait_all_tasks_blocked()
            os.write(writing, b"x")

    trio.run(run)
    os.close(reading)
    os.close(writing)


def test_a_finished_thread_is_noticed_while_requests_keep_coming() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x")
    done = threading.Event()

    async def run() -> int:
        loop = RequestLoop()
        waited = 0

        async def job() -> None:
            await loop.in_thread(lambda: None)
            done.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(job)
            with trio.fail_after(10):
                while not done.is_set():
                    await loop.wait_readable(reading)
                    waited += 1
        return waited

    assert trio.run(run) >= 1
    os.close(reading)
    os.close(writing)


def test_a_handler_whose_thread_has_finished_answers_before_anybody_sleeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """trio runs what is due in a random order: the loop slept first every second time."""
    monkeypatch.setattr(requestloop, "PATIENCE_MS", 60_000)
    reading, writing = os.pipe()

    async def run() -> None:
        loop = RequestLoop()
        answered = trio.Event()

        async def job() -> None:
            await loop.in_thread(lambda: None)
            os.write(writing, b"x")  # somebody who was answered, and asks again
            answered.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(job)
            await trio.testing.wait_all_tasks_blocked()
            with trio.fail_after(10):
                await loop.wait_readable(reading)
                await answered.wait()
        os.read(reading, 1)

    for _ in range(20):
        trio.run(run)
    os.close(reading)
    os.close(writing)


def test_a_request_that_vanished_starts_its_worker_again() -> None:
    runs = []

    async def worker(*_: object) -> None:
        runs.append(1)
        if len(runs) < 3:
            raise OSError(errno.EAGAIN, "fuse_session_receive_buf failed")

    async def run() -> None:
        async with RequestLoop().open_nursery() as workers:
            workers.start_soon(worker, workers, 1, 99, name="pyfuse-01")

    trio.run(run)
    assert len(runs) == 3


def test_any_other_error_of_a_worker_is_not_hidden() -> None:
    async def worker() -> None:
        raise OSError(errno.EIO, "x")

    async def run() -> None:
        async with RequestLoop().open_nursery() as workers:
            workers.start_soon(worker, name="pyfuse-01")

    with pytest.raises(ExceptionGroup):
        trio.run(run)


def test_pyfuse3_is_the_version_whose_names_the_loop_stands_in_for() -> None:
    assert pyfuse3.__version__ == "3.5.0"
    assert pyfuse3.trio.lowlevel.wait_readable is not None  # type: ignore[attr-defined]
