"""The C library through ctypes, with errno turned into OSError.

Other modules of this package declare the functions they need with `function`; nothing
outside the package sees ctypes.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)


def function(name: str, *argument_types: Any) -> Callable[..., int]:
    """Return the C function `name`, which returns an int and sets errno with -1.

    The callable raises the matching OSError; a name that this C library lacks raises
    AttributeError here, at import time of the module that needs it.
    """
    # As an item, and not as an attribute: that would be one object for all who ask, and for
    # syscall(2) each asks with arguments of its own.
    found: Any = _LIBC[name]
    found.argtypes = argument_types
    found.restype = ctypes.c_int
    found.errcheck = _raise_errno
    bound: Callable[..., int] = found
    return bound


def _raise_errno(result: int, called: Any, _arguments: Any) -> int:
    if result == -1:
        errno = ctypes.get_errno()
        raise OSError(errno, f"{called.__name__}: {os.strerror(errno)}")
    return result
