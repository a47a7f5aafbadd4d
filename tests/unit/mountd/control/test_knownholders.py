"""Who uses a mount, for a status: found once for all who ask, and never waited for long."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trio
import trio.testing

from vaultui.linux.holders import Holder
from vaultui.model.errors import MountBusy
from vaultui.mountd.control import locker as module
from vaultui.mountd.control import statusreport
from vaultui.mountd.control.hooks import Hooks
from vaultui.mountd.control.locker import FRESH_S, KNOWN_S, PATIENCE_S, Locker
from vaultui.mountd.control.notices import Notices
from vaultui.mountd.control.plane import ControlPlane
from vaultui.mountd.control.served import Served
from vaultui.mountd.eventring import EventRing
from vaultui.wire.control import Hold, StatusRequest

BASH = Holder(12, "bash", 1000, "open", "/mnt/a", 7)
CODE = Holder(13, "code", 1000, "cwd", "/mnt", 8)
BACKUP = Hold(14, 9, "backup")


@dataclass
class Tree:
    files: list[str] = field(default_factory=list)

    def open_files(self) -> list[str]:
        return self.files


@dataclass
class Open:
    """What a mount is to its locker, and to a status."""

    events: EventRing = field(default_factory=EventRing)
    root: str = "/mnt"
    mount_id: int = 5
    holds: list[Hold] = field(default_factory=list)
    busy_reason: str = ""
    spec: Any = None
    name: str = "Work"
    filesystem: Tree = field(default_factory=Tree)


class Scene:
    """A mount whose users are found when the test lets them be found; the clock stands still."""

    def __init__(self) -> None:
        self.served = Open()
        self.locker = Locker(
            cast("Served", self.served), cast("Hooks", None), cast("Notices", None)
        )
        self.clock = trio.testing.MockClock()
        self.users: list[Holder] = [BASH]
        self.ended: set[int] = set()
        self.searches = 0
        self.began = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.may_end.set()

    def find(self, _root: str) -> list[Holder]:
        self.searches += 1
        users, may_end = list(self.users), self.may_end
        self.began.release()
        assert may_end.wait(20)
        return users

    async def known_without_patience(self) -> list[Holder] | None:
        """Ask while the search takes longer than anybody waits."""
        self.may_end.clear()
        answer: list[list[Holder] | None] = []

        async def ask() -> None:
            answer.append(await self.locker.known_holders())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.to_thread.run_sync(self.began.acquire)
            self.clock.jump(PATIENCE_S)
        return answer[0]

    async def end_search(self) -> None:
        """Return when no thread searches any more."""
        self.may_end.set()
        while trio.to_thread.current_default_thread_limiter().borrowed_tokens:
            await trio.lowlevel.checkpoint()


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    scene = Scene()
    monkeypatch.setattr(module, "find_holders", scene.find)
    monkeypatch.setattr(
        module.process, "is_same_process", lambda pid, _start: pid not in scene.ended
    )
    monkeypatch.setattr(module, "mount_at", lambda _root: SimpleNamespace(mount_id=5))
    return scene


def run(scene: Scene, play: Callable[[], Awaitable[None]]) -> None:
    try:
        trio.run(play, clock=scene.clock)
    finally:
        scene.may_end.set()


def test_any_number_of_questions_share_one_search_until_it_is_old(scene: Scene) -> None:
    async def play() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(scene.locker.known_holders)
        scene.users = [CODE]
        assert await scene.locker.known_holders() == [BASH]
        assert scene.searches == 1
        scene.clock.jump(FRESH_S + 0.1)
        assert await scene.locker.known_holders() == [CODE]
        assert scene.searches == 2

    run(scene, play)


def test_a_search_that_takes_long_is_not_waited_for_and_is_told_the_next(scene: Scene) -> None:
    async def play() -> None:
        assert await scene.known_without_patience() is None
        # One search is enough, however many ask meanwhile.
        assert await scene.locker.known_holders() is None
        assert scene.searches == 1
        await scene.end_search()
        assert await scene.locker.known_holders() == [BASH]
        assert scene.searches == 1

    run(scene, play)


def test_while_a_search_takes_long_what_was_known_is_told_but_not_for_ever(scene: Scene) -> None:
    async def play() -> None:
        assert await scene.locker.known_holders() == [BASH]
        assert scene.began.acquire(blocking=False)
        scene.users = []
        scene.clock.jump(FRESH_S + 0.1)
        assert await scene.known_without_patience() == [BASH]
        scene.clock.jump(KNOWN_S)
        assert await scene.locker.known_holders() is None
        await scene.end_search()

    run(scene, play)


def test_a_process_that_has_ended_meanwhile_is_told_no_more(scene: Scene) -> None:
    async def play() -> None:
        scene.users = [BASH, CODE]
        assert await scene.locker.known_holders() == [BASH, CODE]
        assert scene.began.acquire(blocking=False)
        scene.ended = {BASH.pid}
        scene.clock.jump(FRESH_S + 0.1)
        assert await scene.known_without_patience() == [CODE]
        await scene.end_search()

    run(scene, play)


def test_a_refused_lock_is_newer_than_what_a_search_found_before(scene: Scene) -> None:
    async def play() -> None:
        scene.users = []
        assert await scene.locker.known_holders() == []
        assert scene.began.acquire(blocking=False)
        scene.clock.jump(0.1)
        scene.served.holds = [BACKUP]  # it makes the lock fail before anything is unmounted
        scene.may_end.clear()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refused, scene)
            await trio.to_thread.run_sync(scene.began.acquire)
            assert await scene.locker.known_holders() is None
            scene.may_end.set()
        await scene.end_search()

    async def refused(scene: Scene) -> None:
        with pytest.raises(MountBusy):
            await scene.locker.lock("request")

    run(scene, play)


def test_tasks_are_told_at_once_and_who_locks_always_looks_anew(scene: Scene) -> None:
    async def play() -> None:
        assert await scene.locker.known_holders() == [BASH]
        scene.served.holds = [BACKUP]
        known = await scene.locker.known_holders()
        assert known is not None
        assert [holder.command for holder in known] == ["backup", "bash"]
        scene.users = [CODE]
        found = await scene.locker.holders()
        assert found is not None
        assert [holder.command for holder in found] == ["backup", "code"]
        # Who asks for a status then is told the same.
        assert await scene.locker.known_holders() == found
        assert scene.searches == 2

    run(scene, play)


def test_what_an_older_search_found_does_not_replace_what_a_newer_one_did(scene: Scene) -> None:
    async def play() -> None:
        assert await scene.known_without_patience() is None
        scene.users, older = [CODE], scene.may_end
        scene.clock.jump(FRESH_S / 2)
        scene.may_end = threading.Event()
        scene.may_end.set()
        assert await scene.locker.holders() == [CODE]
        older.set()
        await scene.end_search()
        assert await scene.locker.known_holders() == [CODE]

    run(scene, play)


def test_a_status_searches_only_where_the_answer_is_of_use(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[Holder]] = []
    monkeypatch.setattr(statusreport, "status", lambda _served, holders: told.append(holders))

    async def play() -> None:
        plane = ControlPlane(cast("Served", scene.served), None)
        plane._locker = scene.locker
        await plane._handle(StatusRequest())
        assert (told, scene.searches) == ([[]], 0)
        scene.served.filesystem.files = ["a"]
        await plane._handle(StatusRequest())
        assert (told[1:], scene.searches) == ([[BASH]], 1)

    run(scene, play)


def test_a_vault_is_called_busy_until_a_search_has_found_nobody(scene: Scene) -> None:
    async def play() -> None:
        plane = ControlPlane(cast("Served", scene.served), None)
        plane._locker = scene.locker
        scene.served.busy_reason = "held by bash"
        scene.users = []
        assert await scene.known_without_patience() is None
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(statusreport, "status", lambda _served, _holders: None)
            await plane._handle(StatusRequest())
            assert scene.served.busy_reason == "held by bash"
            await scene.end_search()
            await plane._handle(StatusRequest())
        assert scene.served.busy_reason == ""

    run(scene, play)
