"""The programs that lock the screen, each by the name its desktop gave it.

All of them send ActiveChanged when the lock comes and goes. Where logind is told as well, an
occasion is noticed twice, which is as good as once.
"""

from __future__ import annotations

from typing import Final

import trio

from vaultui.mountd.desktop.bus import Bus, Signal
from vaultui.mountd.desktop.occasions import Occasions
from vaultui.wire.autolock import GuardState, LockOn

INTERFACES: Final = (
    "org.freedesktop.ScreenSaver",
    "org.gnome.ScreenSaver",
    "org.cinnamon.ScreenSaver",
    "org.mate.ScreenSaver",
    "org.xfce.ScreenSaver",
)
_SOURCE: Final = "screen saver"


class ScreenSaver:
    """A user of the session's bus."""

    def __init__(self, occasions: Occasions) -> None:
        self._occasions = occasions
        self._wake = trio.Event()

    async def use(self, bus: Bus) -> None:
        for interface in INTERFACES:
            await bus.on_signal(self._changed, interface=interface, member="ActiveChanged")
            await bus.on_owner(interface, lambda _: self._wake.set())
        while True:
            self._wake = trio.Event()
            for interface in INTERFACES:
                if await bus.has(interface):
                    self._occasions.guard(_SOURCE, LockOn.SCREEN, GuardState.ACTIVE)
                    break
            else:
                self.lost("no program that locks the screen is on it")
            await self._wake.wait()

    def lost(self, reason: str) -> None:
        self._occasions.guard(
            _SOURCE, LockOn.SCREEN, GuardState.MISSING, f"the session's bus: {reason}"
        )

    def _changed(self, signal: Signal) -> None:
        match signal.body:
            case (True,):
                self._occasions.begin(LockOn.SCREEN, "screen")
            case (False,):
                self._occasions.end(LockOn.SCREEN)
