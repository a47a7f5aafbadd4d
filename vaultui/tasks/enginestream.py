"""The streams of an engine's container, relayed byte for byte between its connection and ours.

Without a terminal the engine sends what the container writes in frames: the number of the stream
in one byte, three that mean nothing, the length in four, then so many bytes. See "Attach to a
container" of the Docker Engine API. With one, and always in the other direction, it is as it is.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from typing import Final

_HEADER: Final = struct.Struct(">BxxxL")
_STDOUT, _STDERR = 1, 2
_CHUNK: Final = 1 << 16


def relay(connection: socket.socket, *, stdin: bool, framed: bool) -> None:
    """Copy until the other side has closed; our standard input too, where `stdin` is true.

    The end of our input is passed on. A reader of ours that is slow is waited for, and one that
    is gone misses the rest.
    """
    connection.setblocking(False)
    output = _Frames() if framed else _Raw()
    pending = b""
    while True:
        poller = select.poll()
        poller.register(connection, select.POLLIN | (select.POLLOUT if pending else 0))
        if stdin and not pending:
            poller.register(0, select.POLLIN)
        ready = dict(poller.poll())
        if ready.get(connection.fileno(), 0) & ~select.POLLOUT:
            data = _received(connection)
            if data == b"":
                return
            output.take(data or b"")
        if pending:
            pending = _sent(connection, pending)
        elif 0 in ready:
            pending = _read()
            if not pending:
                stdin = False
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)


class _Raw:
    def take(self, data: bytes) -> None:
        _write(_STDOUT, data)


class _Frames:
    """Takes frames apart, in whatever pieces they come."""

    def __init__(self) -> None:
        self._header = b""
        self._stream = _STDOUT
        self._left = 0

    def take(self, data: bytes) -> None:
        while data:
            if not self._left:
                missing = _HEADER.size - len(self._header)
                self._header, data = self._header + data[:missing], data[missing:]
                if len(self._header) < _HEADER.size:
                    return
                self._stream, self._left = _HEADER.unpack(self._header)
                self._header = b""
            piece, data = data[: self._left], data[self._left :]
            self._left -= len(piece)
            _write(_STDERR if self._stream == _STDERR else _STDOUT, piece)


def _received(connection: socket.socket) -> bytes | None:
    """Return what came, None if that is nothing yet, and nothing when the other side is gone."""
    try:
        return connection.recv(_CHUNK)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""


def _sent(connection: socket.socket, data: bytes) -> bytes:
    """Send what goes now, and return the rest. A container that has ended takes it all."""
    try:
        return data[connection.send(data) :]
    except BlockingIOError:
        return data
    except ConnectionError:
        return b""


def _read() -> bytes:
    """Return what is in our input; nothing at its end, and when its terminal is gone."""
    try:
        return os.read(0, _CHUNK)
    except OSError:
        return b""


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), memoryview(data) as left:
        done = 0
        while done < len(left):
            done += os.write(descriptor, left[done:])
