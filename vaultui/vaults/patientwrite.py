"""Writing all of something, however slow the reader is."""

from __future__ import annotations

import os
import select


def write_all(fd: int, data: bytes) -> None:
    """Write all of it, waiting for as long as that takes."""
    with memoryview(data) as rest:
        done = 0
        while done < len(rest):
            try:
                done += os.write(fd, rest[done:])
            except BlockingIOError:  # whoever shares the file with us has made it so
                poll = select.poll()
                poll.register(fd, select.POLLOUT)
                poll.poll()
