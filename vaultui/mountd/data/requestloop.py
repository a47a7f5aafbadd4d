"""The names that pyfuse3 takes from trio, with the waiting for requests made cheap.

pyfuse3's worker passes through trio's scheduler twice for each request: once to take its
read lock, once in `wait_readable`. That costs more than most requests. pyfuse3 looks the
name `trio` up in its own module at run time, so `install` puts an object there that polls
the FUSE descriptor first and goes through trio only when nothing arrives for a moment,
when a thread has finished for which a handler waits, or after `REQUESTS_PER_PASS` requests.

Where there is a compiled hot path, it does that waiting, and answers most requests itself.

All of this runs in the data plane's thread. pyfuse3 is pinned, and a test asks whether the
hook is in use.
"""

from __future__ import annotations

import errno
import functools
import os
import select
import weakref
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import IntEnum
from types import TracebackType
from typing import Any, Protocol

import pyfuse3
import trio

REQUESTS_PER_PASS = 64
"""After so many requests without a pause the scheduler runs once. It costs about as much as
one request, so this bounds its share at a few per cent and the delay at some milliseconds."""

PATIENCE_MS = 20
"""How long the descriptor is polled before the thread parks in trio. The thread sleeps in the
poll, so this costs no time: it is longer than a program takes from one request to the next,
also while it computes or waits for a disk or for a busy machine. A mount that nobody uses
parks, and then wakes up for nothing."""

_SECOND = 2


class Waited(IntEnum):
    """What waiting for a request ended with; hotpath/module.c has the same numbers."""

    IDLE = 0
    """None came for as long as was asked."""
    REQUEST = 1
    """One can be read, or the mount is gone."""
    WOKEN = 2
    """A thread has finished; its mark was taken away."""


class Waiter(Protocol):
    """What waits for requests, and may answer some by itself."""

    def serve(self, patience_ms: int, /) -> int:
        """Return one of `Waited`, at the latest when nothing came for `patience_ms`."""


class RequestLoop:
    """What pyfuse3 sees as `trio` and as `trio.lowlevel`."""

    ClosedResourceError = trio.ClosedResourceError
    current_task = staticmethod(trio.lowlevel.current_task)
    current_trio_token = staticmethod(trio.lowlevel.current_trio_token)
    notify_closing = staticmethod(trio.lowlevel.notify_closing)

    def __init__(self, on_hello: Callable[[], None] = lambda: None) -> None:
        """`on_hello` is called once, when the kernel's first request was answered and before
        the next is waited for."""
        self.lowlevel = self
        self._on_hello = on_hello
        self.hot: Waiter | None = None
        """Answers what it can from the second request on, where there is one."""
        self._waiter: Waiter | None = None
        self.requests = 0
        """Requests that came by; a test sees in it that the hook is in use."""
        self.passes = 0
        """How often trio's scheduler ran between two requests."""
        self._until_pass = 1
        self.wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        """Readable when a thread has finished for which a handler waits. Closed when nobody knows
        this object any more, which a thread does that is at work for it."""
        weakref.finalize(self, os.close, self.wake_fd)
        self._finished: deque[tuple[trio.lowlevel.Task, Any]] = deque()
        self._either = select.epoll()
        """What trio sleeps on: a request, or a thread that has finished."""

    def install(self) -> None:
        """Put this object in the place of `trio` inside pyfuse3."""
        pyfuse3.trio = self  # type: ignore[attr-defined]  # a name the stubs do not show

    def Lock(self) -> ReadTurn:  # noqa: N802 - the name that pyfuse3 calls
        return ReadTurn()

    @asynccontextmanager
    async def open_nursery(self) -> AsyncIterator[_Workers]:
        async with trio.open_nursery() as nursery:
            yield _Workers(self, nursery)

    def pass_soon(self) -> None:
        """Let the scheduler run before the next request is waited for."""
        self._until_pass = 1

    async def in_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        """Return what `work` returns in a worker thread; requests are served meanwhile.

        trio's own way through `to_thread` is noticed by its scheduler alone, which would have to
        run for each request until then.
        """
        task = trio.lowlevel.current_task()

        def deliver(outcome: Any) -> None:
            self._finished.append((task, outcome))
            os.eventfd_write(self.wake_fd, 1)

        trio.lowlevel.start_thread_soon(functools.partial(work, *args), deliver)
        return await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)

    async def wait_readable(self, fd: int) -> None:
        """Return when a request can be read from `fd`. Called with the read turn held."""
        self.requests += 1
        if self.requests == _SECOND:
            # pyfuse3 answers the first within the step in which it was read.
            self._on_hello()
        waiter = self._waiter
        if waiter is None or self.requests == _SECOND:
            waiter = self._waiter = self._begin(fd)
        self._until_pass -= 1
        if self._until_pass <= 0:
            await self._pass()
        while True:
            match waiter.serve(PATIENCE_MS):
                case Waited.REQUEST:
                    return
                case Waited.WOKEN:
                    self._resume()
                    # trio runs what is due in any order: once more, or this may come first and
                    # sleep before the handler has answered.
                    await self._pass()
                    await self._pass()
                case Waited.IDLE:
                    self.passes += 1
                    await trio.lowlevel.wait_readable(self._either.fileno())

    def _begin(self, fd: int) -> Waiter:
        """Watch what has the number `fd` now: another descriptor before the hello than after."""
        self._either.close()
        self._either = select.epoll()
        for watched in (fd, self.wake_fd):
            self._either.register(watched, select.EPOLLIN)
        if self.hot is not None and self.requests >= _SECOND:
            return self.hot
        return _PlainWait(fd, self.wake_fd)

    async def _pass(self) -> None:
        self._until_pass = REQUESTS_PER_PASS
        self.passes += 1
        await trio.lowlevel.checkpoint()

    def _resume(self) -> None:
        """Let the handlers go on whose threads have finished."""
        while self._finished:
            trio.lowlevel.reschedule(*self._finished.popleft())


class _PlainWait:
    """Waits for requests and leaves them all to Python."""

    def __init__(self, fd: int, wake_fd: int) -> None:
        self._wake_fd = wake_fd
        self._poll = select.poll()
        for watched in (fd, wake_fd):
            self._poll.register(watched, select.POLLIN)

    def serve(self, patience_ms: int, /) -> int:
        ready = self._poll.poll(patience_ms)
        if not ready:
            return Waited.IDLE
        if any(fd == self._wake_fd for fd, _ in ready):
            os.eventfd_read(self._wake_fd)
            return Waited.WOKEN
        return Waited.REQUEST


class ReadTurn:
    """Stands in for the lock that decides which worker reads the next request.

    trio's lock passes through the scheduler when it is free, and hands itself to the
    longest waiter when it is released, so that two workers take turns and each request
    costs a task switch. This one stays with whoever comes first. One waiter is woken at a
    release: it runs when the releasing task pauses, and takes the turn if it is free then.
    """

    __slots__ = ("_parked", "_taken", "_woken")

    def __init__(self) -> None:
        self._taken = False
        self._woken = False
        self._parked = trio.lowlevel.ParkingLot()

    async def __aenter__(self) -> None:
        while self._taken:
            await self._parked.park()
            self._woken = False
        self._taken = True

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._taken = False
        if not self._woken and self._parked:
            self._woken = True
            self._parked.unpark()


class _Workers:
    """The nursery that pyfuse3 starts its workers in."""

    def __init__(self, loop: RequestLoop, nursery: trio.Nursery) -> None:
        self._loop = loop
        self._nursery = nursery

    def start_soon(self, worker: Callable[..., Awaitable[None]], *args: Any, name: str) -> None:
        # pyfuse3 starts a worker whenever none is waiting: unless this one runs soon and
        # waits, the next request starts another, up to the limit.
        self._loop.pass_soon()
        # pyfuse3 hands the nursery on to each worker: it gets this one again.
        self._nursery.start_soon(_persistently, worker, *args, name=name)


async def _persistently(worker: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Run `worker`, and again when a request vanished before it was read.

    The kernel withdraws a request whose caller is killed. The descriptor does not block,
    so that such a moment does not stop the process; pyfuse3 ends its worker then, and the
    cost is that worker's receive buffer.
    """
    while True:
        try:
            await worker(*args)
        except OSError as error:
            if error.errno != errno.EAGAIN:
                raise
        else:
            return
