"""The streams of an engine's container, relayed byte for byte between its connection and ours.

Without a terminal the engine sends what the container writes in frames: the number of the stream
in one byte, three that mean nothing, the length in four, then so many bytes. See "Attach to a
container" of the Docker Engine API. With one, and always in the other direction, it is as it is.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque
from typing import Final

from vaultui.tasks.relay import Flow, turn

_HEADER: Final = struct.Struct(">BxxxL")
_STDIN, _STDOUT, _STDERR = 0, 1, 2


def relay(connection: socket.socket, *, stdin: bool, framed: bool) -> None:
    """Copy until the other side has closed; our standard input too, where `stdin` is true.

    The end of our input is passed on. A reader of ours that is slow is waited for.
    """
    connection.setblocking(False)
    number = connection.fileno()
    output = _Frames(number) if framed else Flow(number, _STDOUT)
    given = Flow(_STDIN, number, at_end=lambda: _end_input(connection))
    while not output.ended:
        turn([output, given] if stdin else [output], ())


class _Frames(Flow):
    """Takes frames apart, in whatever pieces they come."""

    def __init__(self, source: int) -> None:
        super().__init__(source, _STDOUT)
        self._header = b""
        self._stream = _STDOUT
        self._left = 0
        self._pieces: deque[tuple[int, bytes]] = deque()

    def _read(self) -> None:
        super()._read()
        data, self._pending = self._pending, b""
        while data:
            data = self._without_piece(data) if self._left else self._without_header(data)
        self._next_piece()

    def _write(self) -> None:
        super()._write()
        if not self._pending:
            self._next_piece()

    def _without_header(self, data: bytes) -> bytes:
        missing = _HEADER.size - len(self._header)
        self._header += data[:missing]
        if len(self._header) == _HEADER.size:
            self._stream, self._left = _HEADER.unpack(self._header)
            self._header = b""
        return data[missing:]

    def _without_piece(self, data: bytes) -> bytes:
        piece, rest = data[: self._left], data[self._left :]
        self._left -= len(piece)
        self._pieces.append((_STDERR if self._stream == _STDERR else _STDOUT, piece))
        return rest

    def _next_piece(self) -> None:
        if self._pieces and not self.ended:
            self.sink, self._pending = self._pieces.popleft()


def _end_input(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it has ended, too
        connection.shutdown(socket.SHUT_WR)
