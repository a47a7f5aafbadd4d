"""Short messages at the desktop, and what is clicked in them.

A newer message on a topic takes the place of the one before. The messages are sent when there is
somebody to show them, so nobody waits for a bus. Names of files are in none of them: a message
may stand on a locked screen, and be kept by whoever shows it.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Final

import trio

from vaultui.mountd.desktop.bus import Bus, BusError, Service, Signal
from vaultui.mountd.desktop.notice import Notice
from vaultui.wire.autolock import GuardState

NAME: Final = "org.freedesktop.Notifications"
SERVICE: Final = Service(NAME, "/org/freedesktop/Notifications", NAME)
FLUSH_S: Final = 1.0
_NORMAL, _CRITICAL = 1, 2
_SERVERS_CHOICE: Final = -1
"""How long a notification stays."""


class Notifications:
    """The noticeboard that is the desktop's; a user of the session's bus."""

    def __init__(self, on_guard: Callable[[GuardState, str], None]) -> None:
        """`on_guard` is told whether messages can be shown, and why not."""
        self._on_guard = on_guard
        self._wanted: dict[str, Notice] = {}
        self._changed: set[str] = set()
        self._shown: dict[str, int] = {}
        self._capabilities: Sequence[str] | None = None
        """What the one who shows them can do; None while that is not known."""
        self._wake = trio.Event()
        self._settled = trio.Event()
        self._settled.set()

    def show(self, topic: str, notice: Notice) -> None:
        self._wanted[topic] = notice
        self._change(topic)

    def withdraw(self, topic: str) -> None:
        if self._wanted.pop(topic, None) is not None:
            self._change(topic)

    async def flush(self) -> None:
        if self._capabilities is not None:
            with trio.move_on_after(FLUSH_S):
                await self._settled.wait()

    def _change(self, topic: str) -> None:
        self._changed.add(topic)
        self._settled = trio.Event()
        self._wake.set()

    async def use(self, bus: Bus) -> None:
        self._forget()
        await bus.on_owner(NAME, lambda _: self._forget())
        for handler, member in (
            (self._clicked, "ActionInvoked"),
            (self._closed, "NotificationClosed"),
        ):
            await bus.on_signal(handler, interface=NAME, member=member, sender=NAME)
        while True:
            # Made before the look at what there is to do: what comes later sets it.
            self._wake = trio.Event()
            await self._catch_up(bus)
            await self._wake.wait()

    def lost(self, reason: str) -> None:
        self._forget()
        self._on_guard(GuardState.MISSING, f"the session's bus: {reason}")

    def _forget(self) -> None:
        """Whoever showed something is not there any more, or another one."""
        self._shown.clear()
        self._capabilities = None
        self._wake.set()

    async def _catch_up(self, bus: Bus) -> None:
        """Show and take away what was asked for, where there is somebody for it."""
        try:
            if self._capabilities is None:
                if not await bus.has(NAME):
                    self._on_guard(GuardState.MISSING, "nothing here shows notifications")
                    return
                (self._capabilities,) = await bus.call(SERVICE, "GetCapabilities")
            while self._changed:
                await self._send(bus, self._changed.pop())
        except BusError as error:
            self._on_guard(GuardState.MISSING, str(error))
        else:
            self._on_guard(GuardState.ACTIVE, "")
        self._settled.set()

    async def _send(self, bus: Bus, topic: str) -> None:
        notice = self._wanted.get(topic)
        if notice is not None:
            (self._shown[topic],) = await bus.call(
                SERVICE, "Notify", "susssasa{sv}i", *self._arguments(topic, notice)
            )
        elif (number := self._shown.pop(topic, None)) is not None:
            await bus.call(SERVICE, "CloseNotification", "u", number)

    def _arguments(self, topic: str, notice: Notice) -> tuple[object, ...]:
        """Return what Notify takes, see the Desktop Notifications Specification 1.2."""
        can = self._capabilities or ()
        body = html.escape(notice.body, quote=False) if "body-markup" in can else notice.body
        actions = [
            word
            for number, action in enumerate(notice.actions)
            for word in (str(number), action.label)
        ]
        hints = {
            "urgency": ("y", _CRITICAL if notice.urgent else _NORMAL),
            "desktop-entry": ("s", "vaultui"),
        }
        return (
            *("vaultui", self._shown.get(topic, 0), "vaultui", notice.summary, body),
            *(actions if "actions" in can else [], hints, _SERVERS_CHOICE),
        )

    def _topic_of(self, signal: Signal) -> str | None:
        shown = {number: topic for topic, number in self._shown.items()}
        return shown.get(signal.body[0]) if signal.body else None

    def _clicked(self, signal: Signal) -> None:
        topic = self._topic_of(signal)
        notice = None if topic is None else self._wanted.get(topic)
        match signal.body:
            case (_, str(key)) if notice is not None:
                for number, action in enumerate(notice.actions):
                    if key == str(number):
                        action.do()

    def _closed(self, signal: Signal) -> None:
        topic = self._topic_of(signal)
        if topic is not None:
            del self._shown[topic]
            self._wanted.pop(topic, None)
