"""The control socket's end, when the mount is gone and the process wants to end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import trio

from vaultui.mountd.control import server
from vaultui.mountd.control.server import ControlServer
from vaultui.wire.control import IdleReply, Reply, Request


def test_a_look_at_storage_that_hangs_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LAST_REPLY_S", 0.1)
    asked, wakes = threading.Event(), threading.Event()

    def hanging(path: bytes) -> bytes:
        asked.set()
        wakes.wait()
        return path

    async def handle(_request: Request) -> Reply:
        return IdleReply(None, False)

    async def serve() -> None:
        listener = trio.socket.socket(trio.socket.AF_UNIX)
        await listener.bind(str(tmp_path / "ctl"))
        listener.listen()
        served = ControlServer(hanging, hanging, handle, "Work")
        async with trio.SocketListener(listener) as open_, trio.open_nursery() as nursery:
            nursery.start_soon(served.serve, open_)
            async with await trio.open_unix_socket(str(tmp_path / "ctl")) as client:
                await client.send_all(b'{"EncryptPath": "a"}')
                await trio.to_thread.run_sync(asked.wait)
                nursery.cancel_scope.cancel()

    # In a thread: a server that waits for its own threads could not be ended from inside.
    ending = threading.Thread(target=trio.run, args=(serve,), daemon=True)
    ending.start()
    try:
        ending.join(20)
        assert not ending.is_alive()
    finally:
        wakes.set()
        ending.join()
