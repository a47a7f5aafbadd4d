"""Unix sockets whose path is longer than the 107 bytes that an address holds; see unix(7)."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator

MAX_ADDRESS = 107
"""Bytes of a path in an address, without the zero that ends it."""


@contextlib.contextmanager
def address(path: str | os.PathLike[str]) -> Iterator[str]:
    """Yield an address for `path` that bind and connect take, however long `path` is.

    A long one goes through a descriptor of its directory, which is open inside the block.
    Raises OSError: when the directory can't be opened, and ENAMETOOLONG when the last part
    of the path alone does not fit.
    """
    text = os.fspath(path)
    if len(os.fsencode(text)) <= MAX_ADDRESS:
        yield text
        return
    parent, name = os.path.split(text)
    directory = os.open(parent or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = f"/proc/self/fd/{directory}/{name}"
        if len(os.fsencode(short)) > MAX_ADDRESS:
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), text)
        yield short
    finally:
        os.close(directory)
