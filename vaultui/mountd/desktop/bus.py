"""One connection to a D-Bus: calls with an answer, signals with a handler.

The only module that knows the library. It uses its messages and its connection, and not its
router, which drops signals while nobody takes them and ends by an exception of its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final

import trio
from jeepney import (
    DBusAddress,
    HeaderFields,
    MatchRule,
    Message,
    MessageType,
    Properties,
    message_bus,
    new_method_call,
)
from jeepney.auth import BEGIN, Authenticator
from jeepney.bus import get_bus
from jeepney.fds import FileDescriptor
from jeepney.io.trio import DBusConnection

from vaultui.mountd.console import log

CONNECT_S: Final = 5.0
CALL_S: Final = 5.0
"""A service that takes longer is treated as one that does not answer."""

OnSignal = Callable[["Signal"], None]


class BusError(Exception):
    """A bus, or a service on it, is not there, does not answer or refuses. Says why in words."""


@dataclass(frozen=True)
class Service:
    """An object that somebody offers on the bus, seen through one interface."""

    name: str
    path: str
    interface: str


@dataclass(frozen=True)
class Signal:
    path: str
    member: str
    body: tuple[Any, ...]


BUS: Final = Service("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


def system_address() -> str:
    """Return where the machine's bus is, as the D-Bus specification has it."""
    return os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/run/dbus/system_bus_socket"


def session_address() -> str:
    """Return where the user's bus is; empty where nothing tells."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (
        f"unix:path={runtime}/bus" if runtime else ""
    )


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[Bus]:
    """Connect; raises BusError when that is not possible. `Bus.listen` has to run meanwhile."""
    connection = await _connect(address)
    try:
        yield Bus(connection)
    finally:
        await connection.aclose()


async def _connect(address: str) -> DBusConnection:
    # Not with the library's own way, which leaves its socket behind where this fails.
    if not address:
        raise BusError("there is none")
    try:
        with trio.fail_after(CONNECT_S):
            stream = await trio.open_unix_socket(get_bus(address))
            try:
                return await _greeted(stream)
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
    except trio.TooSlowError:
        raise BusError("it does not answer") from None
    except OSError as error:
        raise BusError(error.strerror or "there is none") from error
    except Exception as error:
        # Whatever the library makes of an address, a refusal, or an answer that is none.
        raise BusError("there is none") from error


async def _greeted(stream: trio.SocketStream) -> DBusConnection:
    """Return a connection on which we are known to the bus: authenticated, and with a name."""
    authenticator = Authenticator(enable_fds=True, inc_null_byte=False)
    await stream.send_all(b"\0")
    for request in authenticator:
        await stream.send_all(request)
        authenticator.feed(await stream.receive_some())
    await stream.send_all(BEGIN)
    connection = DBusConnection(stream.socket, enable_fds=True)
    await connection.send(message_bus.Hello())
    await connection.receive()  # the answer comes before anything else
    return connection


class Bus:
    def __init__(self, connection: DBusConnection) -> None:
        self._connection = connection
        self._answers: dict[int, _Answer] = {}
        self._handlers: list[tuple[MatchRule, str, OnSignal]] = []
        self._owners: dict[str, str] = {BUS.name: BUS.name}
        """Who has the names whose signals are heeded: the connection's own name, which nobody
        else can have. Empty while nobody has it."""

    async def listen(self) -> None:
        """Pass on what comes in; returns when the connection is lost."""
        try:
            while True:
                self._take(await self._connection.receive())
        except (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        except Exception as error:
            # What comes in is no D-Bus: there is no next message to be found in it.
            log.error("D-Bus: %s", type(error).__name__, exc_info=error)
        finally:
            for answer in self._answers.values():
                answer.came.set()

    def _take(self, message: Message) -> None:
        fields = message.header.fields
        kind = message.header.message_type
        answer = self._answers.get(fields.get(HeaderFields.reply_serial, 0))
        if answer is not None and kind in (MessageType.method_return, MessageType.error):
            answer.message = message
            answer.came.set()
            return
        _close_descriptors(message)
        if kind is MessageType.signal:
            signal = Signal(
                fields.get(HeaderFields.path, ""), fields.get(HeaderFields.member, ""), message.body
            )
            sender = fields.get(HeaderFields.sender, "")
            for rule, name, handler in list(self._handlers):
                if rule.matches(message) and (not name or sender == self._owners.get(name)):
                    _call(handler, signal)

    async def call(
        self, service: Service, member: str, signature: str = "", *arguments: Any
    ) -> tuple[Any, ...]:
        """Return what a method gives back; raises BusError."""
        where = DBusAddress(service.path, service.name, service.interface)
        return await self._exchange(new_method_call(where, member, signature or None, arguments))

    async def call_for_descriptor(
        self, service: Service, member: str, signature: str, *arguments: Any
    ) -> int:
        """Return the descriptor that a method gives back, close-on-exec; raises BusError."""
        (descriptor,) = await self.call(service, member, signature, *arguments)
        if not isinstance(descriptor, FileDescriptor):
            raise BusError("it gave back no descriptor")
        raw: int = descriptor.to_raw_fd()
        os.set_inheritable(raw, False)
        return raw

    async def property(self, service: Service, name: str) -> Any:
        """Return the value of a property; raises BusError."""
        where = DBusAddress(service.path, service.name, service.interface)
        ((_, value),) = await self._exchange(Properties(where).get(name))
        return value

    async def on_signal(
        self, handler: OnSignal, *, interface: str, member: str, first: str = "", sender: str = ""
    ) -> None:
        """Have `handler` called with each such signal; raises BusError.

        `first` is what its first argument has to be; `sender` is the name of the service that
        has to have sent it. The bus selects by that what is sent to everybody, but passes on
        what any user of the machine sends to us alone: so it is looked at here as well.
        """
        if sender and sender not in self._owners:
            await self._know_owner(sender)
        asked = MatchRule(type="signal", interface=interface, member=member, sender=sender or None)
        seen = MatchRule(type="signal", interface=interface, member=member)
        if first:
            asked.add_arg_condition(0, first)
            seen.add_arg_condition(0, first)
        self._handlers.append((seen, sender, handler))
        await self._exchange(message_bus.AddMatch(asked))

    async def _know_owner(self, name: str) -> None:
        """Keep in mind who has a name, from now on; raises BusError."""

        def changed(signal: Signal) -> None:
            self._owners[name] = signal.body[2]

        self._owners[name] = ""
        await self.on_owner(name, changed)
        with contextlib.suppress(BusError):  # nobody has it yet
            (owner,) = await self.call(BUS, "GetNameOwner", "s", name)
            # A change that was heard since is newer.
            self._owners[name] = self._owners[name] or owner

    async def on_owner(self, name: str, handler: OnSignal) -> None:
        """Have `handler` called when a service comes, goes or is replaced; raises BusError."""
        await self.on_signal(
            handler,
            interface=BUS.interface,
            member="NameOwnerChanged",
            first=name,
            sender=BUS.name,
        )

    async def has(self, name: str) -> bool:
        """Tell whether a service is there, or would be started for a call; raises BusError."""
        (owned,) = await self.call(BUS, "NameHasOwner", "s", name)
        if owned:
            return True
        (startable,) = await self.call(BUS, "ListActivatableNames")
        return name in startable

    async def _exchange(self, message: Message) -> tuple[Any, ...]:
        serial = next(self._connection.outgoing_serial)
        answer = self._answers[serial] = _Answer()
        try:
            with trio.fail_after(CALL_S):
                await self._connection.send(message, serial=serial)
                await answer.came.wait()
        except trio.TooSlowError:
            raise BusError("it does not answer") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise BusError("the connection is lost") from error
        except trio.Cancelled:
            if answer.message is not None:
                _close_descriptors(answer.message)
            raise
        finally:
            del self._answers[serial]
        if answer.message is None:
            raise BusError("the connection is lost")
        return _body(answer.message)


class _Answer:
    def __init__(self) -> None:
        self.came = trio.Event()
        self.message: Message | None = None


def _body(answer: Message) -> tuple[Any, ...]:
    body: tuple[Any, ...] = answer.body
    if answer.header.message_type is MessageType.error:
        said = body[0] if body and isinstance(body[0], str) else ""
        raise BusError(said or answer.header.fields.get(HeaderFields.error_name, "it refused"))
    return body


def _call(handler: OnSignal, signal: Signal) -> None:
    """Anybody on the bus may send a signal, with whatever in it."""
    try:
        handler(signal)
    except Exception as error:
        log.error("D-Bus: %s in %s", type(error).__name__, signal.member, exc_info=error)


def _close_descriptors(message: Message) -> None:
    """A descriptor that nobody asked for is not kept open."""
    for value in message.body:
        if isinstance(value, FileDescriptor):
            value.close()
