"""A bus that is not what it should be: it is given up and sought again, and breaks nothing."""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio
from capabilities import needs
from jeepney import DBusAddress, HeaderFields, message_bus, new_signal
from jeepney.io.blocking import DBusConnection, open_dbus_connection
from secretservice import session_bus

from vaultui.mountd.desktop import bus as bus_module
from vaultui.mountd.desktop import connection
from vaultui.mountd.desktop.bus import BUS, Bus, BusError, Signal, connected
from vaultui.mountd.desktop.connection import keep

HELLO = b"OK 0123456789abcdef0123456789abcdef\r\n"
AGREED = b"AGREE_UNIX_FD\r\n"


class Recorder:
    """Uses a bus and keeps what it is told."""

    def __init__(self, use: Callable[[Bus], object] | None = None) -> None:
        self.used = 0
        self.reasons: list[str] = []
        self._use = use
        self.told = trio.Event()

    async def use(self, bus: Bus) -> None:
        self.used += 1
        if self._use is not None:
            self._use(bus)
        await bus.call(BUS, "NoSuchMethod")

    def lost(self, reason: str) -> None:
        self.reasons.append(reason)
        self.told.set()


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(connection, "LONGEST_PAUSE_S", 0.05)
    monkeypatch.setattr(bus_module, "CONNECT_S", 0.3)


@contextlib.contextmanager
def answering(path: Path, *answers: bytes) -> Iterator[str]:
    """Listen at `path`, give each thing that is said the next of `answers`; yield the address."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client, contextlib.suppress(OSError):
                    for answer in answers:
                        client.recv(4096)
                        client.sendall(answer)
                    while client.recv(4096):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"unix:path={path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def reasons_at(address: str, user: Recorder, number: int = 2) -> list[str]:
    """Keep `user` connected until it has been told so often that it is not."""

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(functools.partial(keep, lambda: address, user))
            with trio.fail_after(20):
                while len(user.reasons) < number:
                    await user.told.wait()
                    user.told = trio.Event()
            nursery.cancel_scope.cancel()

    trio.run(run)
    return user.reasons


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "there is none"),
        ("nonsense", "there is none"),
        ("unixexec:path=/bin/true", "there is none"),
        ("unix:path=/nowhere/bus", "No such file or directory"),
    ],
)
def test_an_address_that_leads_nowhere(address: str, reason: str) -> None:
    user = Recorder()
    assert reasons_at(address, user) == [reason, reason]
    assert user.used == 0


def test_a_bus_that_does_not_answer(tmp_path: Path) -> None:
    with answering(tmp_path / "bus") as address:
        assert set(reasons_at(address, Recorder())) == {"it does not answer"}


@pytest.mark.parametrize(
    "rubbish", [b"x" * 64, b"l" + bytes(63), b"l\2\0\1" + b"\xff" * 60], ids=["x", "0", "ff"]
)
def test_a_bus_that_talks_rubbish(tmp_path: Path, rubbish: bytes) -> None:
    user = Recorder()
    with answering(tmp_path / "bus", HELLO, AGREED, rubbish) as address:
        assert len(reasons_at(address, user)) >= 2
    assert user.used == 0


@needs("dbus")
def test_a_call_that_is_refused_is_tried_again(tmp_path: Path) -> None:
    user = Recorder()
    with session_bus(tmp_path) as address:
        reasons = reasons_at(address, user)
    assert all("NoSuchMethod" in reason for reason in reasons)
    assert user.used >= 2


@needs("dbus")
def test_an_answer_of_another_shape_is_no_end_of_it_all(tmp_path: Path) -> None:
    def use(_bus: Bus) -> None:
        raise TypeError("this is not what was agreed")

    with session_bus(tmp_path) as address:
        reasons = reasons_at(address, Recorder(use))
    assert reasons == ["its answer makes no sense"] * 2


@needs("dbus")
def test_a_signal_that_a_handler_stumbles_over_is_passed_over(tmp_path: Path) -> None:
    heard: list[Signal] = []

    def hear(signal: Signal) -> None:
        heard.append(signal)
        raise ValueError

    async def run(address: str) -> None:
        async with connected(address) as bus, trio.open_nursery() as nursery:
            nursery.start_soon(bus.listen)
            await bus.on_owner("org.example.Test", hear)
            for member, flags in (("RequestName", 0), ("ReleaseName", None)):
                arguments = ("org.example.Test",) if flags is None else ("org.example.Test", flags)
                await bus.call(BUS, member, "s" if flags is None else "su", *arguments)
            assert [signal.body[0] for signal in heard] == ["org.example.Test"] * 2
            with pytest.raises(BusError, match="NoSuchMethod"):
                await bus.call(BUS, "NoSuchMethod")
            nursery.cancel_scope.cancel()

    with session_bus(tmp_path) as address:
        trio.run(run, address)


@needs("dbus")
def test_calls_that_wait_end_with_the_connection(tmp_path: Path) -> None:
    async def run(address: str, end: Callable[[], None]) -> None:
        async with connected(address) as bus, trio.open_nursery() as nursery:
            nursery.start_soon(bus.listen)
            await bus.call(BUS, "GetId")
            await trio.to_thread.run_sync(end)
            with pytest.raises(BusError, match="lost"):
                await bus.call(BUS, "GetId")

    with contextlib.ExitStack() as stack:
        address = stack.enter_context(session_bus(tmp_path))
        trio.run(run, address, stack.close)


@needs("dbus")
def test_what_somebody_sends_to_us_alone_is_no_signal_of_a_service_and_no_answer(
    tmp_path: Path,
) -> None:
    heard: list[Signal] = []

    async def listen(address: str, stranger: DBusConnection) -> None:
        async with connected(address) as bus, trio.open_nursery() as nursery:
            nursery.start_soon(bus.listen)
            await bus.on_signal(heard.append, interface="org.x.I", member="M", sender="org.x.Name")
            (names,) = await bus.call(BUS, "ListNames")
            (ours,) = (n for n in names if n.startswith(":") and n != stranger.unique_name)
            where = DBusAddress("/", ours, "org.x.I")
            for serial in range(40):
                forged = new_signal(where, "M", "b", (True,))
                forged.header.fields[HeaderFields.destination] = ours
                forged.header.fields[HeaderFields.reply_serial] = serial + 1
                stranger.send(forged)
            stranger.send_and_get_reply(message_bus.ListNames())
            assert await bus.call(BUS, "NameHasOwner", "s", "org.x.Name") == (False,)
            assert not heard
            stranger.send_and_get_reply(message_bus.RequestName("org.x.Name"))
            stranger.send(new_signal(DBusAddress("/", None, "org.x.I"), "M", "b", (True,)))
            stranger.send_and_get_reply(message_bus.ListNames())
            await bus.call(BUS, "GetId")
            nursery.cancel_scope.cancel()

    with session_bus(tmp_path) as address, open_dbus_connection(address) as stranger:
        trio.run(listen, address, stranger)
    assert [signal.member for signal in heard] == ["M"]
