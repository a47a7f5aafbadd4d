"""The main thread of a serving process: signals, control socket, and all that locks by itself.

It never calls into the mount that the process serves. Whoever unmounts is a child; when the
mount is gone the data plane ends, and with it everything here.
"""

from __future__ import annotations

import contextlib
import math
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import trio

from vaultui.model.errors import HookFailed, MountBusy, NotOpen, ProtocolError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.states import VaultState
from vaultui.model.terminaltext import shown
from vaultui.mountd.activity import boottime
from vaultui.mountd.console import log
from vaultui.mountd.control import conflictreport, hooks, statusreport
from vaultui.mountd.control.autolock import AutoLock
from vaultui.mountd.control.holderwords import holders_in
from vaultui.mountd.control.holds import Holds
from vaultui.mountd.control.hooks import Hooks
from vaultui.mountd.control.idlelock import IdleLock
from vaultui.mountd.control.locker import Locker, WhenHookFails
from vaultui.mountd.control.notices import KEEP_OPEN_S, Notices
from vaultui.mountd.control.served import Served
from vaultui.mountd.control.server import ControlServer
from vaultui.mountd.control.socketfile import ControlSocket
from vaultui.mountd.control.timelock import TimeLock
from vaultui.wire.control import (
    MAX_WAIT_S,
    CloseAtRequest,
    ConflictsRequest,
    Event,
    EventKind,
    Events,
    EventsRequest,
    ExtendRequest,
    Held,
    Hold,
    HoldRequest,
    IdleReply,
    LockReply,
    LockRequest,
    PauseRequest,
    ReleaseRequest,
    Reply,
    Request,
    Status,
    StatusRequest,
    StayOpenRequest,
)

UNMOUNTED_S: Final = 1.0
"""How long serving may go on when the mount is out of the table and no file of it is in use."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_DAMAGE: Final = frozenset(
    {EventKind.CORRUPT_CONTENT, EventKind.CORRUPT_NAME, EventKind.CORRUPT_METADATA}
)


class ControlPlane:
    def __init__(self, served: Served, control_socket: ControlSocket | None) -> None:
        self._served = served
        self._control_socket = control_socket
        self._notices = Notices(
            served.name,
            keep_open=lambda: self._extend(KEEP_OPEN_S),
            lock=lambda: self._start(self._lock_by_click),
            lock_when_free=lambda: self._start(self._autolock.lock_when_free),
            close_later=lambda: self._timelock.put_off(KEEP_OPEN_S),
        )
        self._hooks = Hooks(served)
        self._locker = Locker(served, self._hooks, self._notices)
        self._autolock: AutoLock
        self._holds: Holds
        self._timelock: TimeLock
        self._nursery: trio.Nursery
        self._token: trio.lowlevel.TrioToken
        self._ended = trio.Event()
        self._news = trio.Event()
        self._exit_code = ExitCode.OK

    async def run(self, begin: Callable[[], None]) -> ExitCode:
        """Serve until the mount is gone and return the exit code.

        `begin` starts the data plane; from its thread, `call` reaches this one.
        """
        served = self._served
        self._token = trio.lowlevel.current_trio_token()
        served.events.on_add = lambda event: self.call(lambda: self._tell(event))
        with trio.open_signal_receiver(*_SIGNALS) as signals:
            async with trio.open_nursery() as self._nursery:
                self._autolock = AutoLock(served, self._locker, self._notices, self._nursery)
                self._holds = Holds(served, self._nursery, self._autolock.lock_after_tasks)
                self._timelock = TimeLock(
                    served, self._locker, self._notices, self._nursery, self._ended.set
                )
                self._start(self._obey_signals, signals)
                self._start(self._end_after_unmounting)
                self._start(self._end_after_letting_go)
                if served.clock.timeout:
                    self._start(IdleLock(served, self._locker, self._notices).watch)
                if self._control_socket is not None:
                    self._start(self._serve_socket, self._control_socket)
                begin()
                try:
                    await self._ended.wait()
                    await self._locker.rest()
                    await self._notices.flush()
                finally:
                    # Whoever waits for an event gets an answer, though there is none.
                    self._ended.set()
                    self._news.set()
                    self._nursery.cancel_scope.cancel()
        return self._exit_code

    def call(self, function: Callable[[], None]) -> None:
        """Run `function` in this plane's thread, soon. Callable from any thread."""
        with contextlib.suppress(trio.RunFinishedError):  # an event of the very last moment
            self._token.run_sync_soon(function)

    def end(self) -> None:
        """The mount is gone, or serving it failed. Callable from any thread."""
        self.call(self._ended.set)

    def opened(self) -> None:
        """Begin what has to wait until the mount answers, and who waits for it was told so."""
        if (opener := self._served.spec.hold) is not None:
            self._holds.add(opener)
        if closes_at := self._served.spec.closes_at:
            self._timelock.set(closes_at)
        if self._served.spec.after_unlock:
            self._start(self._run_hooks)
        # Connecting to the buses is not what an unlock should wait for.
        if self._served.spec.lock_on or self._served.spec.notify:
            # Loaded by those alone who need it, and when nobody waits for it any more.
            from vaultui.mountd.control import desktop

            self._start(desktop.watch, self._served, self._autolock, self._notices)

    def _start(self, task: Callable[..., Awaitable[object]], *arguments: object) -> None:
        self._nursery.start_soon(task, *arguments)

    def _tell(self, event: Event) -> None:
        """Pass on that something happened."""
        self._news.set()
        self._news = trio.Event()
        if self._control_socket is not None:
            # Front ends that watch its directory learn so that there is something to ask.
            self._control_socket.touch()
        if event.kind in _DAMAGE:
            self._notices.damaged()

    async def _run_hooks(self) -> None:
        try:
            await self._hooks.after_unlock()
        except HookFailed as failure:
            self._served.events.add(EventKind.HOOK_FAILED, detail=hooks.told(failure))
            self._notices.hook_failed(failure)

    # --- locking ---

    async def _end_after_unmounting(self) -> None:
        """End also where a mount namespace of others still has a copy of the mount.

        Without one the kernel ends the data plane at once, and this with it. The copy was made
        by somebody who does not know of it, and would keep a locked vault open.
        """
        await self._locker.unmounted.wait()
        await trio.sleep(UNMOUNTED_S)
        # A file that is open through the copy may have changed pages that are not written yet.
        while self._served.activity.open_files:  # noqa: ASYNC110 - the other thread only counts
            await trio.sleep(UNMOUNTED_S)
        self._ended.set()

    async def _end_after_letting_go(self) -> None:
        await self._locker.let_go.wait()
        self._ended.set()

    async def _lock_by_click(self) -> None:
        try:
            await self._locker.lock("request", when_hook_fails=WhenHookFails.STAY)
        except MountBusy as busy:
            self._notices.stays_open("request", holders_in(busy))
        except HookFailed as failure:
            self._notices.hook_failed(failure)

    async def _obey_signals(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            name = signal.Signals(number).name
            try:
                await self._locker.lock(name)
            except MountBusy as busy:
                log.warning("%s: %s Unmounting lazily.", name, shown(busy.phrase))
                try:
                    await self._locker.lock(name, lazy=True)
                except MountBusy as still:
                    log.error("%s: not unmounted: %s", name, still.raw)
            self._exit_code = ExitCode.SIGINT
            # Open files end here; what was written is in the cipher files already.
            self._ended.set()

    # --- control socket ---

    async def _serve_socket(self, control_socket: ControlSocket) -> None:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(control_socket.socket))
        server = ControlServer(
            self._served.filesystem.encrypt_path,
            self._served.filesystem.decrypt_path,
            self._handle,
            self._served.name,
        )
        await server.serve(listener)

    async def _handle(self, request: Request) -> Reply:
        served = self._served
        match request:
            case StatusRequest():
                return await self._status()
            case EventsRequest(since, wait_s):
                return await self._events(since, wait_s)
            case ExtendRequest(seconds):
                if not math.isfinite(seconds) or seconds < 0:
                    raise ProtocolError(what="ExtendRequest", reason="seconds must be positive")
                self._extend(seconds)
            case PauseRequest(paused):
                if paused != served.clock.paused:
                    served.clock.paused = paused
                    # Time that passed during the pause is not held against the vault.
                    served.clock.reset(boottime())
                    served.events.add(EventKind.PAUSED if paused else EventKind.RESUMED)
            case ConflictsRequest():
                # A lock does not wait for the end of it.
                return await trio.to_thread.run_sync(
                    conflictreport.conflicts, served.filesystem, abandon_on_cancel=True
                )
            case LockRequest(when_free=True):
                return LockReply(waiting=await self._autolock.lock_when_free())
            case LockRequest(reason, lazy, skip_hooks=skip_hooks):
                rule = WhenHookFails.SKIP if skip_hooks else WhenHookFails.STAY
                await self._locker.lock(reason, lazy=lazy, when_hook_fails=rule)
                return LockReply()
            case StayOpenRequest(after_tasks):
                self._stay_open(after_tasks=after_tasks)
            case CloseAtRequest(closes_at):
                self._timelock.set(max(0.0, closes_at))
            case HoldRequest(hold):
                return await self._hold(hold)
            case ReleaseRequest(hold):
                self._holds.release(hold)
                return Held(served.temporary)
        return IdleReply(served.clock.left(boottime()), served.clock.paused)

    async def _status(self) -> Status:
        served = self._served
        holders = None
        # Looking through /proc costs more than all the rest. It tells who has an open file open,
        # and whether a vault that was in use when it was to be locked is so still.
        if served.busy_reason or served.filesystem.open_files():
            holders = await self._locker.known_holders()
            if holders == []:
                served.busy_reason = ""
        return statusreport.status(served, holders or [])

    async def _events(self, since: int, wait_s: float) -> Events:
        events = self._served.events
        with trio.move_on_after(min(max(0.0, wait_s), MAX_WAIT_S)):
            while events.last <= since and not self._ended.is_set():
                await self._news.wait()
        return events.since(since)

    async def _hold(self, hold: Hold) -> Held:
        mounted = False
        with trio.move_on_after(UNMOUNTED_S) as limit:
            mounted = await self._locker.is_mounted()
        if not mounted:
            state = VaultState.LOCKING if limit.cancelled_caught else VaultState.LOCKED
            raise NotOpen(name=self._served.name, state=state.value)
        self._holds.add(hold)
        return Held(self._served.temporary)

    def _stay_open(self, *, after_tasks: bool) -> None:
        if after_tasks:
            self._served.temporary = False
        self._autolock.stay_open(after_tasks=after_tasks)

    def _extend(self, seconds: float) -> None:
        # Without a task it is about to lock itself after the last, and somebody wants it open.
        self._stay_open(after_tasks=not self._served.holds)
        self._served.clock.extend(boottime(), seconds)
        self._served.events.add(EventKind.EXTENDED, detail=f"{seconds:g} s")
