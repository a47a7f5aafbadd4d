"""Serving the control socket: one JSON object per read, any number per connection.

Runs in the control plane. Path queries read directory IVs from the disk, so they run in
threads: a slow disk must not keep `status` or a lock waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from vaultui.model.errors import BackendTooOld, ProtocolError, VaultuiError
from vaultui.mountd.console import log
from vaultui.mountd.control import pathqueries
from vaultui.wire import codec
from vaultui.wire.control import (
    EXTENSION_KEY,
    MAX_REQUEST,
    CloseAtRequest,
    ConflictsRequest,
    ErrorReply,
    EventsRequest,
    ExtendRequest,
    HoldRequest,
    LockRequest,
    PathReply,
    PauseRequest,
    ReleaseRequest,
    Reply,
    Request,
    StatusRequest,
    StayOpenRequest,
)

MAX_CONNECTIONS: Final = 64
"""More wait in the queue of the socket: a client that leaks them must not eat our files."""
ACCEPT_AGAIN_S: Final = 0.5
"""No event tells that there are descriptors again."""
LAST_REPLY_S: Final = 2.0
"""How long the reply to a lock may take once the mount is gone and the process wants to end."""

_REQUESTS: Final[dict[str, type[Request]]] = {
    kind.__name__: kind
    for kind in (
        StatusRequest,
        EventsRequest,
        ExtendRequest,
        PauseRequest,
        LockRequest,
        StayOpenRequest,
        CloseAtRequest,
        ConflictsRequest,
        HoldRequest,
        ReleaseRequest,
    )
}
_EMPTY: Final = PathReply("", 0, "", "")


class ControlServer:
    """Answers requests: paths with the two translations, ours with `handle`."""

    def __init__(
        self,
        encrypt_path: pathqueries.Translate,
        decrypt_path: pathqueries.Translate,
        handle: Callable[[Request], Awaitable[Reply]],
        name: str,
    ) -> None:
        """`name` is what errors call this vault. The translations may be called from any
        thread."""
        self._encrypt_path = encrypt_path
        self._decrypt_path = decrypt_path
        self._handle = handle
        self._name = name
        self._replying: set[trio.CancelScope] = set()

    async def serve(self, listener: trio.SocketListener) -> None:
        """Accept and serve connections until cancelled; replies have some seconds more then."""
        limit = trio.CapacityLimiter(MAX_CONNECTIONS)
        async with trio.open_nursery() as nursery:
            try:
                while True:
                    await limit.acquire_on_behalf_of(ticket := object())
                    stream = await _accept(listener)
                    nursery.start_soon(self._converse, stream, limit, ticket)
            finally:
                # What looks through a large volume, or at storage that hangs, takes longer.
                for scope in self._replying:
                    scope.deadline = trio.current_time() + LAST_REPLY_S

    async def _converse(
        self, stream: trio.SocketStream, limit: trio.CapacityLimiter, ticket: object
    ) -> None:
        try:
            async with stream:
                # One byte more than a request may have: a read that fills the buffer means
                # that there is more, and where the next object starts is unknown.
                while data := await stream.receive_some(MAX_REQUEST + 1):
                    if len(data) > MAX_REQUEST:
                        log.warning("control socket: a request is longer than %d", MAX_REQUEST)
                        return
                    if not await self._reply(stream, data):
                        return
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the client went away
        finally:
            limit.release_on_behalf_of(ticket)

    async def _reply(self, stream: trio.SocketStream, data: bytes) -> bool:
        """Return whether the client has all of the reply."""
        # The reply to a lock is sent while the process already ends.
        with trio.CancelScope(shield=True) as scope:
            self._replying.add(scope)
            try:
                reply = await self._answer(data)
                scope.deadline = trio.current_time() + LAST_REPLY_S
                await stream.send_all(reply)
            finally:
                self._replying.discard(scope)
        return not scope.cancelled_caught

    async def _answer(self, data: bytes) -> bytes:
        """Return the line that answers the request in `data`."""
        request, complaint = pathqueries.parse(data)
        if complaint:
            return pathqueries.encode(PathReply("", -1, complaint, ""))
        if EXTENSION_KEY in request:
            reply = await self._answer_ours(request[EXTENSION_KEY])
            extension = {"type": type(reply).__name__, **codec.to_plain(reply)}
            return pathqueries.encode(_EMPTY, extension)
        answer = await trio.to_thread.run_sync(
            pathqueries.answer,
            request,
            self._encrypt_path,
            self._decrypt_path,
            abandon_on_cancel=True,
        )
        return pathqueries.encode(answer)

    async def _answer_ours(self, fields: Any) -> Reply:
        try:
            return await self._handle(self._decode(fields))
        except VaultuiError as error:
            return ErrorReply(error.to_wire())
        except Exception as error:
            log.error("control socket: internal error", exc_info=error)
            return ErrorReply(VaultuiError(what=type(error).__name__).to_wire())

    def _decode(self, fields: Any) -> Request:
        if not isinstance(fields, dict):
            raise ProtocolError(what="request", reason="it is not an object")
        kind = _REQUESTS.get(str(fields.get("type")))
        if kind is None:
            raise BackendTooOld(name=self._name, request=str(fields.get("type")))
        return codec.from_plain(kind, fields)


async def _accept(listener: trio.SocketListener) -> trio.SocketStream:
    """Return the next connection. While there is no descriptor for it, it waits in the queue.

    The files of the mount may have taken them all; that is no reason to end the mount.
    """
    while True:
        try:
            return await listener.accept()
        except OSError as error:
            log.warning("control socket: a connection has to wait: %s", error.strerror)
            await trio.sleep(ACCEPT_AGAIN_S)
