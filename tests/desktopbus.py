"""Private buses with stand-ins of python-dbusmock on them: logind, notifications, a screen saver.

Buses and messages are real; only what would suspend the machine or draw on a screen is not.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from jeepney import DBusAddress, DBusErrorResponse, MessageType, new_method_call
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from secretservice import session_bus
from waiting import wait_until

MOCK = "org.freedesktop.DBus.Mock"
LOGIN = "org.freedesktop.login1"
NOTIFICATIONS = "org.freedesktop.Notifications"
SCREEN_SAVER = "org.gnome.ScreenSaver"
DELAY_US = 1_500_000
"""How long this logind waits for inhibitors: less than usual, for tests that last so long."""


class StandIn:
    """A service that python-dbusmock plays; killed and started again at will."""

    def __init__(self, address: str, name: str, path: str, *words: str) -> None:
        """`words` are what the program is told to play."""
        self.address = address
        self.name = name
        self._path = path
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: DBusConnection | None = None

    @classmethod
    def of_template(
        cls, address: str, template: str, name: str, path: str, **parameters: str
    ) -> Self:
        """Return one that the program has a template for."""
        words = ("--template", template)
        given = ("--parameters", json.dumps(parameters)) if parameters else ()
        return cls(address, name, path, *words, *given)

    def start(self) -> None:
        self._process = subprocess.Popen(
            ("/usr/bin/python3", "-m", "dbusmock", "--session", *self._words),
            env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.address},
            stdout=subprocess.DEVNULL,
        )
        self.connect()

    def connect(self) -> None:
        """Wait until the service is there, also one that is no stand-in."""
        self._connection = open_dbus_connection(self.address)
        wait_until(self._is_there, what=f"{self.name} is on the bus")

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _is_there(self) -> bool:
        bus = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
        (owned,) = self._send(new_method_call(bus, "NameHasOwner", "s", (self.name,)))
        return bool(owned)

    def call(
        self, member: str, signature: str = "", *arguments: Any, path: str = "", on: str = ""
    ) -> Any:
        """Call a method of the stand-in, of its own controls unless `on` names an interface."""
        where = DBusAddress(path or self._path, self.name, on or MOCK)
        answer = self._send(new_method_call(where, member, signature or None, arguments))
        return answer[0] if answer else None

    def emit(self, interface: str, member: str, signature: str, *arguments: Any) -> None:
        """Have the service send a signal."""
        variants = list(zip(signature, arguments, strict=True))
        self.call("EmitSignal", "sssav", interface, member, signature, variants)

    def calls_of(self, member: str) -> list[list[Any]]:
        """Return the arguments of each call of a method so far."""
        calls = self.call("GetMethodCalls", "s", member)
        return [[value for _, value in arguments] for _, arguments in calls]

    def _send(self, message: Any) -> tuple[Any, ...]:
        assert self._connection is not None
        reply = self._connection.send_and_get_reply(message, timeout=20)
        if reply.header.message_type is MessageType.error:
            raise DBusErrorResponse(reply)
        body: tuple[Any, ...] = reply.body
        return body


@dataclass
class Desktop:
    """A machine with somebody logged in."""

    login: StandIn
    notifications: StandIn
    screen: StandIn
    session: str = ""
    """Path of the session of ours."""
    _old: int = 0

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DBUS_SYSTEM_BUS_ADDRESS": self.login.address,
            "DBUS_SESSION_BUS_ADDRESS": self.notifications.address,
        }

    def log_in(self, session: str = "1") -> str:
        """Begin a session of ours, and return its path."""
        path: str = self.login.call(
            "AddSession", "ssusb", session, "seat0", os.getuid(), "somebody", True
        )
        self.login.emit(f"{LOGIN}.Manager", "SessionNew", "so", session, path)
        return path

    def log_out(self, path: str) -> None:
        """End a session."""
        self.login.call("RemoveObject", "s", path)
        session = path.rpartition("/")[2]
        self.login.emit(f"{LOGIN}.Manager", "SessionRemoved", "so", session, path)

    def forget(self) -> None:
        """Forget what was shown so far."""
        self._old = len(self._shown())

    def sleep(self, begins: bool) -> None:
        self.login.emit(f"{LOGIN}.Manager", "PrepareForSleep", "b", begins)

    def inhibitors(self) -> list[tuple[Any, ...]]:
        """Return what holds up sleep or shutdown now: what, who, why, mode, …"""
        found = self.login.call("ListInhibitors", on=f"{LOGIN}.Manager")
        return [tuple(entry) for entry in found]

    def lock_screen(self, locked: bool, by: str = SCREEN_SAVER) -> None:
        """Lock the screen or unlock it; LockedHint, Lock or a screen saver tell of it."""
        if by == SCREEN_SAVER:
            self.screen.call("SetActive", "b", locked, on=SCREEN_SAVER)
        elif by == "LockedHint":
            self.login.call("SetLockedHint", "b", locked, path=self.session, on=f"{LOGIN}.Session")
        else:
            member = "Lock" if locked else "Unlock"
            self.login.call(member, path=self.session, on=f"{LOGIN}.Session")

    def notices(self) -> list[Notice]:
        """Return the messages that were shown, the oldest first."""
        return self._shown()[self._old :]

    def withdrawn(self) -> list[int]:
        """Return the numbers of messages that were taken away."""
        return [number for (number,) in self.notifications.calls_of("CloseNotification")]

    def click(self, label: str) -> None:
        """Press the button with that label in the newest message."""
        newest = self.notices()[-1]
        key = str(newest.actions.index(label))
        self.notifications.emit(NOTIFICATIONS, "ActionInvoked", "us", newest.number, key)

    def _shown(self) -> list[Notice]:
        found: list[Notice] = []
        made = 0
        for call in self.notifications.calls_of("Notify"):
            _, replaced, _, summary, body, actions, hints, _ = call
            made += not replaced
            labels, stays = tuple(actions[1::2]), hints.get("urgency") == ("y", 2)
            found.append(Notice(replaced or made, summary, body, labels, stays))
        return found


@dataclass(frozen=True)
class Notice:
    number: int
    summary: str
    body: str
    actions: tuple[str, ...]
    stays: bool
    """Until somebody has seen it."""


@contextmanager
def desktop(folder: Path) -> Iterator[Desktop]:
    """Run two buses and everything on them."""
    with ExitStack() as stack:
        addresses = []
        for name in ("system", "session"):
            (folder / name).mkdir()
            addresses.append(stack.enter_context(session_bus(folder / name)))
        system, session = addresses
        capabilities = "body body-markup actions"
        made = Desktop(
            StandIn.of_template(system, "logind", LOGIN, "/org/freedesktop/login1"),
            StandIn.of_template(
                session,
                "notification_daemon",
                NOTIFICATIONS,
                "/org/freedesktop/Notifications",
                capabilities=capabilities,
            ),
            StandIn.of_template(
                session, "gnome_screensaver", SCREEN_SAVER, "/org/gnome/ScreenSaver"
            ),
        )
        for service in (made.login, made.notifications, made.screen):
            stack.callback(service.stop)
            service.start()
        delay = ("t", DELAY_US)
        made.login.call("AddProperty", "ssv", f"{LOGIN}.Manager", "InhibitDelayMaxUSec", delay)
        made.session = made.log_in()
        yield made
