"""Occasions that come twice, end too early or never, and what is told of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import trio
import trio.testing

from vaultui.model.errors import MountBusy
from vaultui.mountd.control.autolock import SAME_S, AutoLock
from vaultui.mountd.control.locker import Locker
from vaultui.mountd.control.notices import Notices
from vaultui.mountd.control.served import Served
from vaultui.mountd.desktop.notice import Notice
from vaultui.mountd.eventring import EventRing
from vaultui.wire.autolock import LockOn, WhenBusy

BUSY = MountBusy(name="Work", holders="code (7, open file)")


@dataclass
class Spec:
    when_busy: WhenBusy


@dataclass
class Open:
    """What an open vault is to its auto-lock."""

    spec: Spec
    events: EventRing = field(default_factory=EventRing)


class Held:
    """A locker of a vault that somebody uses until `free` is set."""

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.free = trio.Event()
        self.slow = 0.0

    async def lock(self, reason: str, *, lazy: bool = False) -> None:
        self.tried.append(f"{reason} lazily" if lazy else reason)
        await trio.sleep(self.slow)
        if not lazy:
            raise BUSY

    async def lock_when_free(self, _reason: str) -> None:
        await self.free.wait()

    async def kill_and_lock(self, reason: str) -> None:
        self.tried.append(f"{reason} by force")
        raise BUSY


class Board:
    """A noticeboard that keeps what was put on it."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def show(self, _topic: str, notice: Notice) -> None:
        self.said.append(notice.summary)

    def withdraw(self, _topic: str) -> None:
        pass

    async def flush(self) -> None:
        pass


@dataclass
class Scene:
    autolock: AutoLock
    locker: Held
    board: Board
    opened: Open

    def told(self) -> list[str]:
        return [
            f"{event.kind.value}: {event.detail}" for event in self.opened.events.since(0).events
        ]


def play(when_busy: WhenBusy, scene: Callable[[Scene], Awaitable[None]]) -> None:
    """Run a scene on a clock that jumps as soon as everybody waits."""

    async def run() -> None:
        opened, locker, board = Open(Spec(when_busy)), Held(), Board()
        nothing: Any = lambda: None  # noqa: E731
        notices = Notices(
            "Work",
            keep_open=nothing,
            lock=nothing,
            lock_when_free=nothing,
            close_later=nothing,
        )
        notices.board = board
        async with trio.open_nursery() as nursery:
            autolock = AutoLock(cast("Served", opened), cast("Locker", locker), notices, nursery)
            await scene(Scene(autolock, locker, board, opened))
            nursery.cancel_scope.cancel()

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


def test_what_two_sources_tell_at_once_is_one_occasion() -> None:
    async def scene(at: Scene) -> None:
        await at.autolock.begin(LockOn.SCREEN, "screen").wait()
        await at.autolock.begin(LockOn.SCREEN, "screen").wait()
        assert at.locker.tried == ["screen"]
        assert at.board.said == ["Work stayed open while the screen was locked."]

    play(WhenBusy.LEAVE, scene)


def test_an_occasion_whose_end_was_missed_does_not_hide_the_next_one() -> None:
    async def scene(at: Scene) -> None:
        await at.autolock.begin(LockOn.SCREEN, "screen").wait()
        await trio.sleep(SAME_S + 1)
        await at.autolock.begin(LockOn.SCREEN, "screen").wait()
        assert at.locker.tried == ["screen", "screen"]

    play(WhenBusy.LEAVE, scene)


@pytest.mark.parametrize(
    ("when_busy", "tried"),
    [
        (WhenBusy.LEAVE, ["sleep"]),
        (WhenBusy.LAZY, ["sleep", "sleep lazily"]),
        (WhenBusy.KILL, ["sleep", "sleep by force"]),
    ],
)
def test_each_policy_settles(when_busy: WhenBusy, tried: list[str]) -> None:
    async def scene(at: Scene) -> None:
        with trio.fail_after(5):
            await at.autolock.begin(LockOn.SLEEP, "sleep").wait()
        assert at.locker.tried == tried
        stayed = when_busy is not WhenBusy.LAZY
        assert at.told() == (["stays-open: sleep"] if stayed else [])
        at.autolock.end(LockOn.SLEEP)
        # Told once, and not again as it ends.
        assert len(at.board.said) == (1 if stayed else 0)

    play(when_busy, scene)


def test_an_occasion_that_ends_in_the_middle_of_an_attempt_settles() -> None:
    async def scene(at: Scene) -> None:
        at.locker.slow = 3.0
        settled = at.autolock.begin(LockOn.SCREEN, "screen")
        await trio.sleep(1)
        at.autolock.end(LockOn.SCREEN)
        with trio.fail_after(1):
            await settled.wait()
        assert at.told() == []

    play(WhenBusy.RETRY, scene)


def test_whoever_asked_for_a_lock_gets_an_answer_when_all_of_it_ends() -> None:
    answered = []

    async def ask(at: Scene) -> None:
        # As the answer to a request is: sent while the process already ends.
        with trio.CancelScope(shield=True):
            answered.append(await at.autolock.lock_when_free())

    async def scene(at: Scene) -> None:
        at.locker.slow = 3.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask, at)
            await trio.sleep(1)
            at.autolock._nursery.cancel_scope.cancel()

    play(WhenBusy.LEAVE, scene)
    assert answered == [False]


def test_what_waits_is_told_as_it_ends_and_a_request_outlasts_the_screen() -> None:
    async def scene(at: Scene) -> None:
        at.autolock.begin(LockOn.SCREEN, "screen")
        await trio.testing.wait_all_tasks_blocked()
        assert await at.autolock.lock_when_free()
        at.autolock.end(LockOn.SCREEN)
        at.autolock.end(LockOn.SCREEN)
        waits = ["waiting-to-lock: screen", "waiting-to-lock: request"]
        assert at.told() == [*waits, "stays-open: screen"]
        assert at.board.said == ["Work stayed open while the screen was locked."]
        at.autolock.stay_open(after_tasks=True)
        assert at.told()[-1] == "stays-open: request"

    play(WhenBusy.RETRY, scene)
