"""The main thread of a serving process: signals, control socket, idle lock, unmounting.

It never calls into the mount that the process serves. Whoever unmounts is a child; when the
mount is gone the data plane ends, and with it everything here.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import signal
from collections.abc import AsyncIterator, Callable
from typing import Final

import trio

from vaultui.linux.errnos import os_error, reason_of
from vaultui.linux.fusemount import handed_over
from vaultui.linux.holders import Holder, find_holders
from vaultui.linux.mountinfo import mount_at
from vaultui.linux.unmount import unmount
from vaultui.model.errors import MountBusy, ProtocolError
from vaultui.model.exitcodes import ExitCode
from vaultui.model.terminaltext import shown
from vaultui.mountd.activity import boottime
from vaultui.mountd.console import log
from vaultui.mountd.control import conflictreport, statusreport
from vaultui.mountd.control.served import Served
from vaultui.mountd.control.server import ControlServer
from vaultui.mountd.control.socketfile import ControlSocket
from vaultui.wire.control import (
    ConflictsRequest,
    EventKind,
    EventsRequest,
    ExtendRequest,
    IdleReply,
    LockReply,
    LockRequest,
    PauseRequest,
    Reply,
    Request,
    StatusRequest,
)

UNMOUNTED_S: Final = 1.0
"""How long serving may go on when the mount is out of the table and no file of it is in use."""

HOLDERS_S: Final = 1.0
"""How long a status may wait to know who uses the mount: /proc answers in milliseconds."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ControlPlane:
    def __init__(self, served: Served, control_socket: ControlSocket | None) -> None:
        self._served = served
        self._control_socket = control_socket
        self._unmounting = trio.Lock()
        self._unmounted = trio.Event()
        self._ended = trio.Event()
        self._exit_code = ExitCode.OK
        self._looking_since: float | None = None
        self._token: trio.lowlevel.TrioToken | None = None

    async def run(self, begin: Callable[[], None]) -> ExitCode:
        """Serve until the mount is gone and return the exit code.

        `begin` starts the data plane; from its thread, `call` reaches this one.
        """
        self._token = trio.lowlevel.current_trio_token()
        with trio.open_signal_receiver(*_SIGNALS) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._obey_signals, signals)
                nursery.start_soon(self._end_after_unmounting)
                if self._served.clock.timeout:
                    nursery.start_soon(self._watch_idle)
                if self._control_socket is not None:
                    nursery.start_soon(self._serve_socket, self._control_socket)
                begin()
                await self._ended.wait()
                nursery.cancel_scope.cancel()
        return self._exit_code

    def call(self, function: Callable[[], None]) -> None:
        """Run `function` in this plane's thread, soon. Callable from any thread."""
        assert self._token is not None
        self._token.run_sync_soon(function)

    def end(self) -> None:
        """The mount is gone, or serving it failed. Callable from any thread."""
        self.call(self._ended.set)

    # --- locking ---

    async def lock(self, reason: str, *, lazy: bool = False) -> None:
        """Unmount; raises MountBusy that names the holders.

        Returns when the mount table no longer lists the mount. One at a time: a second
        caller finds it gone, which is what it asked for.
        """
        served = self._served
        async with self._unmounting:
            try:
                if handed_over(served.root) is not None:
                    self._let_go(lazy)
                elif (top := mount_at(served.root)) is None:
                    return
                elif top.mount_id != served.mount_id:
                    raise OSError(errno.EBUSY, f"{top.fstype} is mounted over it")
                else:
                    await trio.to_thread.run_sync(_unmount, served.root, lazy)
                    if not lazy:
                        self._unmounted.set()
            except (OSError, TimeoutError) as error:
                raise await self._busy(error) from error
            served.events.add(EventKind.LOCKED, detail=reason)

    async def _end_after_unmounting(self) -> None:
        """End also where a mount namespace of others still has a copy of the mount.

        Without one the kernel ends the data plane at once, and this with it. The copy was made
        by somebody who does not know of it, and would keep a locked vault open.
        """
        await self._unmounted.wait()
        await trio.sleep(UNMOUNTED_S)
        # A file that is open through the copy may have changed pages that are not written yet.
        while self._served.activity.open_files:  # noqa: ASYNC110 - the other thread only counts
            await trio.sleep(UNMOUNTED_S)
        self._ended.set()

    def _let_go(self, lazy: bool) -> None:
        """End serving a descriptor that was handed over: whoever mounted it unmounts it.

        Raises OSError while files are open, unless `lazy`.
        """
        if self._served.activity.open_files and not lazy:
            raise os_error(errno.EBUSY)
        self._ended.set()

    async def _busy(self, error: OSError) -> MountBusy:
        served = self._served
        words = in_words(await self._holders() or [])
        served.events.add(EventKind.LOCK_BUSY, detail=f"held by {words}")
        return MountBusy(name=served.name, holders=words, raw=reason_of(error))

    async def _holders(self) -> list[Holder] | None:
        """Return who uses the mount; None when that can't be found out in time.

        A process that waits for storage that hangs can keep waiting whoever looks into it.
        """
        since = self._looking_since
        if since is not None and trio.current_time() - since > HOLDERS_S:
            return None  # one thread that waits is enough

        def look() -> list[Holder]:
            try:
                return find_holders(self._served.root)
            finally:
                self._looking_since = None

        self._looking_since = since or trio.current_time()
        with trio.move_on_after(HOLDERS_S), contextlib.suppress(OSError):  # no descriptor left
            return await trio.to_thread.run_sync(look, abandon_on_cancel=True)
        return None

    async def _obey_signals(self, signals: AsyncIterator[int]) -> None:
        async for number in signals:
            name = signal.Signals(number).name
            try:
                await self.lock(name)
            except MountBusy as busy:
                log.warning("%s: %s Unmounting lazily.", name, shown(busy.summary))
                try:
                    await self.lock(name, lazy=True)
                except MountBusy as still:
                    log.error("%s: not unmounted: %s", name, still.raw)
            self._exit_code = ExitCode.SIGINT
            # Open files end here; what was written is in the cipher files already.
            self._ended.set()

    async def _watch_idle(self) -> None:
        served = self._served
        while True:
            pause = served.clock.check(boottime())
            if pause > 0:
                await trio.sleep(pause)
                continue
            try:
                await self.lock("idle")
            except MountBusy as busy:
                served.busy_reason = f"held by {busy.details['holders']}"
                served.clock.reset(boottime())
                served.events.add(EventKind.IDLE_RESET, detail=served.busy_reason)
            else:
                return

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
                holders = await self._holders()
                if holders == []:
                    served.busy_reason = ""
                return statusreport.status(served, holders or [])
            case EventsRequest(since):
                return served.events.since(since)
            case ExtendRequest(seconds):
                if not math.isfinite(seconds) or seconds < 0:
                    raise ProtocolError(what="ExtendRequest", reason="seconds must be positive")
                served.clock.extend(boottime(), seconds)
                served.events.add(EventKind.EXTENDED, detail=f"{seconds:g} s")
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
            case LockRequest(reason, lazy):
                await self.lock(reason, lazy=lazy)
                return LockReply()
        return IdleReply(served.clock.left(boottime()), served.clock.paused)


def in_words(holders: list[Holder], most: int = 3) -> str:
    """Return who holds a mount, as text for a sentence."""
    own = os.getpid()
    named = {
        holder.pid: f"{holder.command} ({holder.pid}, {_KINDS[holder.kind]})"
        for holder in holders
        if holder.pid != own
    }
    if not named:
        return "a process that we may not look into"
    words = list(named.values())
    more = [f"{len(words) - most} more"] if len(words) > most else []
    return ", ".join(words[:most] + more)


_KINDS = {
    "cwd": "working directory",
    "root": "root directory",
    "exe": "running program",
    "open": "open file",
    "map": "mapped file",
}


def _unmount(mountpoint: str, lazy: bool) -> None:
    unmount(mountpoint, lazy=lazy)
