"""systemd-logind, or elogind: sleep, shutdown, and the sessions of this user.

    PrepareForSleep(true)   an inhibitor of ours delays it until we are done
    PrepareForSleep(false)  the machine is awake again; a new inhibitor is taken

org.freedesktop.login1(5) has the interface, systemd.io/INHIBITOR_LOCKS tells about inhibitors.
The delay has a limit (InhibitDelayMaxSec of logind.conf, five seconds), and ours ends well
before it, whatever locking does meanwhile.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Collection
from typing import Any, Final

import trio

from vaultui.mountd.desktop.bus import Bus, BusError, Service, Signal
from vaultui.mountd.desktop.occasions import Occasions
from vaultui.wire.autolock import GuardState, LockOn

NAME: Final = "org.freedesktop.login1"
MANAGER: Final = Service(NAME, "/org/freedesktop/login1", f"{NAME}.Manager")
SESSION: Final = f"{NAME}.Session"

DELAY_S: Final = 5.0
"""How long logind waits for inhibitors unless it tells otherwise."""
SHARE_OF_DELAY: Final = 0.8
LOOK_AGAIN_S: Final = 60.0
"""Before version 243 systemd did not tell that a session is closing."""

_WHAT: Final = {LockOn.SLEEP: "sleep", LockOn.LOGOUT: "shutdown"}


class Logind:
    """A user of the machine's bus."""

    def __init__(self, occasions: Occasions, wanted: Collection[LockOn], vault_name: str) -> None:
        self._occasions = occasions
        self._wanted = wanted
        self._vault_name = vault_name
        self._inhibitor = -1
        self._patience_s = DELAY_S * SHARE_OF_DELAY
        self._had_session = False
        self._watches = False

    async def use(self, bus: Bus) -> None:
        heard, signals = trio.open_memory_channel[Signal](math.inf)
        await bus.on_owner(NAME, heard.send_nowait)
        for member in ("PrepareForSleep", "PrepareForShutdown", "SessionNew", "SessionRemoved"):
            await bus.on_signal(
                heard.send_nowait, interface=MANAGER.interface, member=member, sender=NAME
            )
        for member in ("Lock", "Unlock"):
            await bus.on_signal(heard.send_nowait, interface=SESSION, member=member, sender=NAME)
        await bus.on_signal(
            heard.send_nowait,
            interface="org.freedesktop.DBus.Properties",
            member="PropertiesChanged",
            first=SESSION,
            sender=NAME,
        )
        try:
            await self._act(bus, None)
            while True:
                signal = None
                with trio.move_on_after(LOOK_AGAIN_S):
                    signal = await signals.receive()
                await self._act(bus, signal)
        finally:
            self._release()
            self._watches = False

    def lost(self, reason: str) -> None:
        for on in self._wanted:
            self._occasions.guard(NAME, on, GuardState.MISSING, f"logind: {reason}")

    async def _act(self, bus: Bus, signal: Signal | None) -> None:
        """Do what a signal asks for, and look around without one."""
        if signal is not None and signal.member == "NameOwnerChanged":
            self._release()
            self._watches = False
        try:
            if not self._watches:
                await self._begin(bus)
                self._watches = True
            elif signal is None:
                await self._look_at_sessions(bus)
            if signal is not None:
                await self._heed(bus, signal)
        except BusError as error:
            self._watches = False
            self.lost(str(error))

    async def _begin(self, bus: Bus) -> None:
        """Take up the watch, or take it up again, without what we knew before."""
        if not await bus.has(NAME):
            raise BusError("it is not there")
        self._had_session = False
        with contextlib.suppress(BusError):  # elogind and old versions do not tell
            limit = await bus.property(MANAGER, "InhibitDelayMaxUSec")
            self._patience_s = limit / 1e6 * SHARE_OF_DELAY
        if not await bus.property(MANAGER, "PreparingForSleep"):
            self._occasions.end(LockOn.SLEEP)
        await self._inhibit(bus)
        await self._look_at_sessions(bus)

    async def _heed(self, bus: Bus, signal: Signal) -> None:
        match signal.member, signal.body:
            case "PrepareForSleep", (True,):
                await self._delay(LockOn.SLEEP, "sleep")
            case "PrepareForShutdown", (True,):
                await self._delay(LockOn.LOGOUT, "shutdown")
            case "PrepareForSleep", (False,):
                self._occasions.end(LockOn.SLEEP)
                await self._inhibit(bus)
            case "PrepareForShutdown", (False,):
                self._occasions.end(LockOn.LOGOUT)
                await self._inhibit(bus)
            case "Lock", ():
                await self._screen(bus, signal.path, locked=True)
            case "Unlock", ():
                await self._screen(bus, signal.path, locked=False)
            case "PropertiesChanged", (_, {"LockedHint": (_, bool(locked))}, _):
                await self._screen(bus, signal.path, locked=locked)
            case ("PropertiesChanged", (_, {"State": _}, _)) | (
                "SessionNew" | "SessionRemoved",
                _,
            ):
                await self._look_at_sessions(bus)

    async def _delay(self, on: LockOn, reason: str) -> None:
        """Have the vault locked while logind waits, and let it go on in any case."""
        if on not in self._wanted:
            return
        try:
            settled = self._occasions.begin(on, reason)
            with trio.move_on_after(self._patience_s):
                await settled.wait()
        finally:
            self._release()

    async def _inhibit(self, bus: Bus) -> None:
        """Ask logind to wait for us; without that there may be no time to lock."""
        delayed = [on for on in _WHAT if on in self._wanted]
        if not delayed or self._inhibitor >= 0:
            return
        what = ":".join(_WHAT[on] for on in delayed)
        why = f"Locking {self._vault_name}"
        try:
            self._inhibitor = await bus.call_for_descriptor(
                MANAGER, "Inhibit", "ssss", what, "vaultui", why, "delay"
            )
        except BusError as error:
            state, reason = GuardState.MISSING, f"logind does not wait for it: {error}"
        else:
            state, reason = GuardState.ACTIVE, ""
        for on in delayed:
            self._occasions.guard(NAME, on, state, reason)

    def _release(self) -> None:
        if self._inhibitor >= 0:
            self._inhibitor, inhibitor = -1, self._inhibitor
            os.close(inhibitor)

    # --- sessions ---

    async def _screen(self, bus: Bus, path: str, *, locked: bool) -> None:
        if LockOn.SCREEN not in self._wanted or not await _is_ours(bus, path):
            return
        if locked:
            self._occasions.begin(LockOn.SCREEN, "screen")
        else:
            self._occasions.end(LockOn.SCREEN)

    async def _look_at_sessions(self, bus: Bus) -> None:
        """Notice the end of this user's last session, and that there is one at all."""
        has_session = await _has_session(bus)
        state = GuardState.ACTIVE if has_session else GuardState.MISSING
        reason = "" if has_session else "logind knows no session of this user"
        if LockOn.SCREEN in self._wanted:
            self._occasions.guard(NAME, LockOn.SCREEN, state, reason)
        if LockOn.LOGOUT in self._wanted and self._had_session != has_session:
            if self._had_session:
                self._occasions.begin(LockOn.LOGOUT, "logout")
            else:
                self._occasions.end(LockOn.LOGOUT)
        self._had_session = has_session


async def _has_session(bus: Bus) -> bool:
    """Tell whether this user is logged in: a session that is closing only has leftovers in it."""
    (sessions,) = await bus.call(MANAGER, "ListSessions")
    for _, uid, _, _, path in sessions:
        if uid == os.getuid():
            with contextlib.suppress(BusError):  # it has just ended
                kind = await _of_session(bus, path, "Class")
                if kind.startswith("user") and await _of_session(bus, path, "State") != "closing":
                    return True
    return False


async def _is_ours(bus: Bus, path: str) -> bool:
    try:
        uid, _ = await _of_session(bus, path, "User")
    except BusError:  # it has just ended
        return False
    return bool(uid == os.getuid())


async def _of_session(bus: Bus, path: str, name: str) -> Any:
    return await bus.property(Service(NAME, path, SESSION), name)
