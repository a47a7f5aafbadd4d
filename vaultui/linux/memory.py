"""Memory that was needed once, back to the system."""

from __future__ import annotations

import ctypes

from vaultui.linux import libc


def give_back() -> None:
    """Return freed memory to the kernel. A key derivation uses 64 MiB and more, once.

    Only glibc has the call; with another C library nothing happens.
    """
    try:
        malloc_trim = libc.function("malloc_trim", ctypes.c_size_t)
    except AttributeError:
        return
    malloc_trim(0)
