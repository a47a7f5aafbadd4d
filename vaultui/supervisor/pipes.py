"""Reading frames from a pipe in asyncio, without a thread and without reading ahead.

A secret that follows a message goes straight into the buffer that will be wiped.
"""

from __future__ import annotations

import asyncio
import os
from types import TracebackType
from typing import Self, TypeVar

from vaultui.model.errors import ProtocolError
from vaultui.model.language import N_
from vaultui.model.secret import Secret
from vaultui.wire import codec
from vaultui.wire.framing import LENGTH_BYTES, MAX_SECRET

T = TypeVar("T")


class FrameReader:
    """Owns the reading end of a pipe; one task reads at a time."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd

    async def message(self, *kinds: type[T]) -> T | None:
        """Return the next message, or None at end of file; raises ProtocolError."""
        frame = await self._frame(codec.MAX_MESSAGE)
        return None if frame is None else codec.decode(frame, *kinds)

    async def secret(self) -> Secret:
        """Return the next frame as a secret that the caller wipes."""
        frame = await self._frame(MAX_SECRET)
        if frame is None:
            raise ProtocolError(what="secret", reason=N_("it is missing"))
        return Secret(frame)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def _frame(self, limit: int) -> bytearray | None:
        header = bytearray(LENGTH_BYTES)
        got = await self._fill(header)
        if got == 0:
            return None
        size = int.from_bytes(header, "big")
        if got < LENGTH_BYTES or size > limit:
            raise ProtocolError(what="frame", reason=N_("it was cut off or is too large"))
        frame = bytearray(size)
        if await self._fill(frame) < size:
            frame[:] = bytes(size)
            raise ProtocolError(what="frame", reason=N_("it was cut off"))
        return frame

    async def _fill(self, buffer: bytearray) -> int:
        """Fill `buffer`; return the bytes read, fewer only at end of file."""
        done = 0
        with memoryview(buffer) as view:
            while done < len(view):
                try:
                    got = os.readv(self._fd, [view[done:]])
                except BlockingIOError:
                    await readable(self._fd)
                    continue
                if got == 0:
                    break
                done += got
        return done


async def readable(fd: int) -> None:
    """Wait until `fd` is readable: for a pidfd, until the process has ended."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(fd, _wake, ready)
    try:
        await ready
    finally:
        loop.remove_reader(fd)


def _wake(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
