"""Leaving the namespaces of the parent, namespaces(7)."""

from __future__ import annotations

import ctypes
from typing import Final

from vaultui.linux import libc

_FLAGS: Final = {
    "mount": 1 << 17,
    "cgroup": 1 << 25,
    "uts": 1 << 26,
    "ipc": 1 << 27,
    "user": 1 << 28,
    "pid": 1 << 29,
    "network": 1 << 30,
}
"""From linux/sched.h."""

_unshare = libc.function("unshare", ctypes.c_int)


def unshare(*kinds: str) -> None:
    """Go on in new namespaces of these kinds; that of users comes first, and may do the others.

    A new pid namespace is for the children: the next one is its init. Raises PermissionError
    without the privilege, or where ordinary users may have no user namespaces; OSError, ENOSPC,
    where there are as many as there may be.
    """
    flags = 0
    for kind in kinds:
        flags |= _FLAGS[kind]
    _unshare(flags)
