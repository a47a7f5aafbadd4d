"""Control socket requests: what is sent, what comes back, and everything that can go wrong."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from vaultui.linux import unixsocket
from vaultui.model.errors import BackendTooOld, BackendUnreachable, MountBusy, ProtocolError
from vaultui.supervisor import controlclient
from vaultui.supervisor.controlclient import ControlClient
from vaultui.wire.control import Event, EventKind, Events, IdleReply, PathReply

pytestmark = pytest.mark.anyio

EMPTY = {"Result": "", "ErrNo": 0, "ErrText": "", "WarnText": ""}
Answer = Callable[[dict], bytes | None]


@contextlib.asynccontextmanager
async def serving(path: Path, answer: Answer) -> AsyncIterator[ControlClient]:
    """Yield a client of a server that gives `answer` to each request; None hangs."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.read(5000))
        reply = answer(request)
        if reply is None:
            await reader.read()
        else:
            writer.write(reply)
        writer.close()

    with unixsocket.address(path) as address:
        server = await asyncio.start_unix_server(connected, address)
    async with server:
        yield ControlClient(path, name="Work")


def line(**fields: object) -> bytes:
    return json.dumps({**EMPTY, **fields}).encode() + b"\n"


async def test_a_request_of_ours_rides_on_gocryptfs_protocol(tmp_path: Path) -> None:
    requests = []

    def answer(request: dict) -> bytes:
        requests.append(request)
        return line(Vaultui={"type": "IdleReply", "idle_left_s": 900, "idle_paused": False})

    async with serving(tmp_path / "s", answer) as client:
        assert await client.extend(900.0) == IdleReply(900.0, False)
    assert requests == [{"Vaultui": {"type": "ExtendRequest", "seconds": 900.0}}]


async def test_paths_use_gocryptfs_own_requests(tmp_path: Path) -> None:
    def answer(request: dict) -> bytes:
        if "EncryptPath" in request:
            return line(Result=request["EncryptPath"][::-1])
        return line(ErrNo=2, ErrText="no such file")

    async with serving(tmp_path / "s", answer) as client:
        assert await client.encrypt_path("a/ü\udcff") == PathReply("\udcffü/a", 0, "", "")
        assert await client.decrypt_path("x") == PathReply("", 2, "no such file", "")


async def test_events_come_typed(tmp_path: Path) -> None:
    event = {"seq": 4, "at": 1.5, "kind": "corrupt-content", "path": "a", "detail": ""}
    reply = {"type": "Events", "events": [event], "dropped": 2}
    async with serving(tmp_path / "s", lambda _request: line(Vaultui=reply)) as client:
        assert await client.events(3) == Events(
            (Event(4, 1.5, EventKind.CORRUPT_CONTENT, "a", ""),), 2
        )


async def test_an_answer_may_be_as_long_as_a_message(tmp_path: Path) -> None:
    long = "x" * 1_000_000
    async with serving(tmp_path / "s", lambda _request: line(Result=long)) as client:
        assert (await client.encrypt_path("a")).Result == long


async def test_an_error_of_the_backend_is_raised_as_its_class(tmp_path: Path) -> None:
    reply = {"type": "ErrorReply", "error": MountBusy(name="Work", holders="bash").to_wire()}
    async with serving(tmp_path / "s", lambda _request: line(Vaultui=reply)) as client:
        with pytest.raises(MountBusy, match="Work is in use by bash"):
            await client.lock()


async def test_a_backend_without_our_requests_is_too_old(tmp_path: Path) -> None:
    async with serving(tmp_path / "s", lambda _request: line(ErrNo=22)) as client:
        with pytest.raises(BackendTooOld, match="StatusRequest"):
            await client.status()


async def test_no_answer_in_time_is_unreachable(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(ControlClient._ask, "__defaults__", (0.1,))
    async with serving(tmp_path / "s", lambda _request: None) as client:
        with pytest.raises(BackendUnreachable, match=r"no answer within 0\.1 seconds"):
            await client.status()


@pytest.mark.parametrize(
    ("reply", "reason"),
    [(b"", "closed the connection"), (b'{"Result":', "cut off"), (b"x" * 5_000_000, "too long")],
)
async def test_a_broken_answer_is_unreachable(tmp_path: Path, reply: bytes, reason: str) -> None:
    async with serving(tmp_path / "s", lambda _request: reply) as client:
        with pytest.raises(BackendUnreachable, match=reason):
            await client.status()


@pytest.mark.parametrize(
    "reply", [b"[]\n", line(Vaultui=1), line(Vaultui={"type": "Status"}), line(Vaultui={"type": 1})]
)
async def test_an_answer_that_makes_no_sense_is_a_protocol_error(
    tmp_path: Path, reply: bytes
) -> None:
    async with serving(tmp_path / "s", lambda _request: reply) as client:
        with pytest.raises(ProtocolError):
            await client.status()


async def test_no_socket_or_nobody_behind_it_is_unreachable(tmp_path: Path) -> None:
    with pytest.raises(BackendUnreachable, match="No such file"):
        await ControlClient(tmp_path / "missing", name="Work").status()
    async with serving(tmp_path / "s", lambda _request: b"") as client:
        pass
    (tmp_path / "s").touch()
    with pytest.raises(BackendUnreachable):
        await client.status()


async def test_a_path_longer_than_an_address_is_reached(tmp_path: Path) -> None:
    place = tmp_path / ("d" * 120)
    place.mkdir()
    async with serving(place / "ctl.sock", lambda _request: line(Result="r")) as client:
        assert (await client.encrypt_path("a")).Result == "r"


async def test_requests_do_not_wait_for_each_other(tmp_path: Path) -> None:
    def answer(request: dict) -> bytes | None:
        return None if "Vaultui" in request else line(Result="fast")

    async with serving(tmp_path / "s", answer) as client:
        slow = asyncio.ensure_future(client.status())
        assert (await client.encrypt_path("a")).Result == "fast"
        assert not slow.done()
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow


def test_a_lock_may_take_longer_than_a_question() -> None:
    assert controlclient.LOCK_S > 2 * controlclient.ANSWER_S
