"""Every request and its answer in the log, for -fusedebug.

Names of files are in it, as the person asked who turned it on; what is in files is not.
"""

from __future__ import annotations

import errno
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pyfuse3 import (
    EntryAttributes,
    FileInfo,
    FUSEError,
    ReaddirToken,
    RequestContext,
    SetattrFields,
    StatvfsData,
)

from vaultui.mountd.data.operations import HANDLERS, VaultOperations

_log: Final = logging.getLogger("vaultfs.fuse")

_CONTENT_ARGUMENT: Final = {"write": 2, "setxattr": 2}
"""Which argument of a request is content; of it, and of answers that are, the size is shown."""
_CONTENT_ANSWER: Final = ("read", "getxattr")


def trace(operations: VaultOperations) -> None:
    """Have each handler of `operations` tell what it got and what it answered."""
    # Asked for by an option of its own, whatever the level of everything else.
    _log.setLevel(logging.DEBUG)
    numbers = itertools.count(1)
    for name in HANDLERS:
        setattr(operations, name, _traced(name, getattr(operations, name), numbers))


def _traced(
    name: str, handle: Callable[..., Awaitable[Any]], numbers: itertools.count[int]
) -> Callable[..., Awaitable[Any]]:
    content = _CONTENT_ARGUMENT.get(name)

    async def traced(*arguments: Any) -> Any:
        number = next(numbers)
        words = [
            f"{len(argument)}b" if place == content else _in_words(argument)
            for place, argument in enumerate(arguments)
        ]
        _log.info("rx %d: %s %s", number, name.upper(), " ".join(words))
        try:
            answer = await handle(*arguments)
        except FUSEError as error:
            _log.info("tx %d: %s", number, errno.errorcode.get(error.errno, error.errno))
            raise
        shown = f"{len(answer)}b" if name in _CONTENT_ANSWER else _in_words(answer)
        _log.info("tx %d: OK %s", number, shown)
        return answer

    return traced


def _in_words(value: Any) -> str:
    match value:
        case None | SetattrFields() | ReaddirToken():
            return "-"
        case EntryAttributes():
            return f"n{value.st_ino} {value.st_mode:o} {value.st_size}b"
        case FileInfo():
            return f"fh {value.fh}"
        case StatvfsData():
            return f"{value.f_bavail} of {value.f_blocks} blocks"
        case RequestContext():
            return f"(pid {value.pid} uid {value.uid} gid {value.gid})"
        case tuple():
            return " ".join(_in_words(item) for item in value)
    return repr(value)
