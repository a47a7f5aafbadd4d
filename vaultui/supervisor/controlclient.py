"""Asking a running backend through its control socket: gocryptfs's protocol and ours on top.

Each request has a connection of its own, so requests do not wait for each other and a
client can be shared between tasks.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
from pathlib import Path
from typing import Any, Final, TypeVar

from vaultui.linux import unixsocket
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import BackendTooOld, BackendUnreachable, ProtocolError, from_wire
from vaultui.model.language import N_, Phrase
from vaultui.wire import codec
from vaultui.wire.control import (
    EXTENSION_KEY,
    CloseAtRequest,
    Conflicts,
    ConflictsRequest,
    ErrorReply,
    Events,
    EventsRequest,
    ExtendRequest,
    Held,
    Hold,
    HoldRequest,
    IdleReply,
    LockReply,
    LockRequest,
    PathReply,
    PauseRequest,
    ReleaseRequest,
    Request,
    Status,
    StatusRequest,
    StayOpenRequest,
)

T = TypeVar("T", Status, Events, IdleReply, LockReply, Conflicts, Held)

ANSWER_S: Final = 5.0
"""A control plane that works answers in milliseconds, whatever the data plane does."""
MAX_REQUEST: Final = 4999
"""Bytes: gocryptfs's protocol has one request in one read of at most so many."""
LOCK_S: Final = 45.0
"""A lock waits until everything is written back."""
SEARCH_S: Final = 300.0
"""For listing every directory of a volume, on a slow disk too."""


class ControlClient:
    """Requests raise BackendUnreachable, BackendTooOld, or the error that the backend sent."""

    def __init__(self, path: str | os.PathLike[str], *, name: str = "the vault") -> None:
        """`name` is the vault's, for errors."""
        self._path = Path(path)
        self._name = name

    async def status(self) -> Status:
        return await self._ask(StatusRequest(), Status)

    async def events(self, since: int = 0, wait_s: float = 0.0) -> Events:
        """Return the events with a greater number than `since`.

        While there is none, wait for one, at most `wait_s` seconds. A lock is the last.
        """
        return await self._ask(EventsRequest(since, wait_s), Events, ANSWER_S + wait_s)

    async def extend(self, seconds: float) -> IdleReply:
        """Put the idle lock off, to at least `seconds` from now; give up a lock that waits."""
        return await self._ask(ExtendRequest(seconds), IdleReply)

    async def pause(self, paused: bool) -> IdleReply:
        return await self._ask(PauseRequest(paused), IdleReply)

    async def lock(
        self,
        reason: str = "request",
        *,
        lazy: bool = False,
        skip_hooks: bool = False,
        hooks_s: float = 0.0,
    ) -> None:
        """Unmount politely; returns when it is unmounted, raises MountBusy when it is in use.

        Raises HookFailed where a command that is to be run before did not succeed; `hooks_s` is
        what those may take. The backend ends shortly after.
        """
        request = LockRequest(reason, lazy, skip_hooks=skip_hooks)
        await self._ask(request, LockReply, LOCK_S + hooks_s)

    async def lock_when_free(self) -> bool:
        """Lock now, or have the backend do it as soon as nobody uses the vault.

        Returns whether that is yet to come.
        """
        reply = await self._ask(LockRequest(when_free=True), LockReply, LOCK_S)
        return reply.waiting

    async def stay_open(self, *, after_tasks: bool = False) -> IdleReply:
        """Give up a lock that waits until nobody uses the vault.

        With `after_tasks` a temporary vault stays open when its last hold has ended.
        """
        return await self._ask(StayOpenRequest(after_tasks), IdleReply)

    async def close_at(self, closes_at: float) -> None:
        """Lock at a time in seconds since the epoch, whoever uses the vault then; 0 for never."""
        await self._ask(CloseAtRequest(closes_at), IdleReply)

    async def hold(self, hold: Hold) -> Held:
        """Keep the vault open until a process has ended; raises NotOpen when it is just locked."""
        return await self._ask(HoldRequest(hold), Held)

    async def release(self, hold: Hold) -> Held:
        """End a hold though its process goes on."""
        return await self._ask(ReleaseRequest(hold), Held)

    async def conflicts(self) -> Conflicts:
        """Return the conflict copies of sync clients in the volume."""
        return await self._ask(ConflictsRequest(), Conflicts, SEARCH_S)

    async def encrypt_path(self, path: str) -> PathReply:
        """Return the ciphertext path of a plaintext path; an error is in the reply."""
        return await self._ask_path({"EncryptPath": path})

    async def decrypt_path(self, path: str) -> PathReply:
        """Return the plaintext path of a ciphertext path; an error is in the reply."""
        return await self._ask_path({"DecryptPath": path})

    async def _ask_path(self, request: dict[str, Any]) -> PathReply:
        if len(json.dumps(request)) > MAX_REQUEST:
            # The server would close the connection, as gocryptfs does.
            number = errno.ENAMETOOLONG
            return PathReply("", number, os.strerror(number), "")
        return codec.from_plain(PathReply, await self._exchange(request, ANSWER_S))

    async def _ask(self, request: Request, kind: type[T], within_s: float = ANSWER_S) -> T:
        plain = {"type": type(request).__name__, **codec.to_plain(request)}
        answer = await self._exchange({EXTENSION_KEY: plain}, within_s)
        if EXTENSION_KEY not in answer:
            raise BackendTooOld(name=self._name, request=type(request).__name__)
        fields = answer[EXTENSION_KEY]
        if isinstance(fields, dict) and fields.get("type") == ErrorReply.__name__:
            raise from_wire(codec.pick(fields, ErrorReply).error)
        return codec.pick(fields, kind)

    async def _exchange(self, request: dict[str, Any], within_s: float) -> dict[str, Any]:
        """Send one object and return the one that comes back."""
        try:
            async with asyncio.timeout(within_s):
                line = await self._send_and_read(json.dumps(request).encode())
        except TimeoutError as error:
            silence = Phrase("no answer within {seconds:g} seconds", seconds=within_s)
            raise BackendUnreachable(name=self._name, reason=silence) from error
        except OSError as error:
            reason = reason_of(error)
            raise BackendUnreachable(name=self._name, reason=reason) from error
        try:
            answer = json.loads(line)
        except ValueError as error:
            reason = N_("its answer was cut off") if line else N_("it closed the connection")
            raise BackendUnreachable(name=self._name, reason=reason) from error
        if not isinstance(answer, dict):
            raise ProtocolError(what="reply", reason=N_("it is not an object"))
        return answer

    async def _send_and_read(self, request: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            with unixsocket.address(self._path) as address:
                # A full backlog is EAGAIN at once for a Unix socket, and never a wait.
                connection.connect(address)
            reader, writer = await asyncio.open_unix_connection(
                sock=connection, limit=codec.MAX_MESSAGE
            )
            try:
                writer.write(request)
                return await reader.readline()
            except ValueError as error:  # the line is longer than the limit
                raise OSError(0, N_("its answer was too long")) from error
            finally:
                writer.close()
