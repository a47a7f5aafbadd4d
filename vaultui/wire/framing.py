"""Frames on pipes: four bytes of length, big-endian, then the message.

Reads and writes use bare descriptors, one frame at a time, so that nothing is buffered
beyond the frame and a secret can be read straight into the buffer that will be wiped.
"""

from __future__ import annotations

import os
from typing import Any, TypeVar

from vaultui.model.errors import ProtocolError
from vaultui.model.secret import Secret
from vaultui.wire import codec

T = TypeVar("T")

LENGTH_BYTES = 4
MAX_SECRET = 4096
"""Longest secret in bytes; gocryptfs stops at 2048 for a password."""


def write_message(fd: int, message: Any) -> None:
    """Write one dataclass as a frame; raises BrokenPipeError when nobody reads."""
    _write_frame(fd, codec.encode(message))


def write_secret(fd: int, secret: Secret) -> None:
    """Write the bytes of a secret as a frame, without copying them."""
    _write_all(fd, len(secret).to_bytes(LENGTH_BYTES, "big"))
    with secret.view as view:
        _write_all(fd, view)


def read_message(fd: int, *kinds: type[T]) -> T | None:
    """Return the next message, or None at end of file between two frames."""
    frame = _read_frame(fd, codec.MAX_MESSAGE)
    return None if frame is None else codec.decode(frame, *kinds)


def read_secret(fd: int) -> Secret:
    """Return the next frame as a secret that the caller wipes."""
    frame = _read_frame(fd, MAX_SECRET)
    if frame is None:
        raise ProtocolError(what="secret", reason="it is missing")
    return Secret(frame)


class FrameBuffer:
    """Cuts a stream that arrives in pieces of any size into messages."""

    def __init__(self, *kinds: type[Any]) -> None:
        self._kinds = kinds
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[Any]:
        """Return the messages that `data` completes, in order; raises ProtocolError."""
        self._pending += data
        messages = []
        while len(self._pending) >= LENGTH_BYTES:
            size = int.from_bytes(self._pending[:LENGTH_BYTES], "big")
            if size > codec.MAX_MESSAGE:
                raise ProtocolError(what="frame", reason=f"{size} bytes are too many")
            end = LENGTH_BYTES + size
            if len(self._pending) < end:
                break
            messages.append(codec.decode(self._pending[LENGTH_BYTES:end], *self._kinds))
            del self._pending[:end]
        return messages


def _write_frame(fd: int, data: bytes) -> None:
    # One write, so that frames of two threads on one pipe do not mix below PIPE_BUF.
    _write_all(fd, len(data).to_bytes(LENGTH_BYTES, "big") + data)


def _write_all(fd: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read_frame(fd: int, limit: int) -> bytearray | None:
    header = bytearray(LENGTH_BYTES)
    got = _read_into(fd, header)
    if got == 0:
        return None
    if got < LENGTH_BYTES:
        raise ProtocolError(what="frame", reason="it was cut off")
    size = int.from_bytes(header, "big")
    if size > limit:
        raise ProtocolError(what="frame", reason=f"{size} bytes are more than {limit}")
    frame = bytearray(size)
    if _read_into(fd, frame) < size:
        frame[:] = bytes(size)
        raise ProtocolError(what="frame", reason="it was cut off")
    return frame


def _read_into(fd: int, buffer: bytearray) -> int:
    """Fill `buffer`; return the bytes read, fewer only at end of file."""
    with memoryview(buffer) as view:
        done = 0
        while done < len(view):
            got = os.readv(fd, [view[done:]])
            if got == 0:
                break
            done += got
        return done
