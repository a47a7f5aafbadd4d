"""Keeping a process to itself by landlock(7), which needs no privilege and is not undone.

A socket with an abstract name is in no directory, so that hiding directories does not hide it, and
whoever has the network of the machine can reach all of them: see unix(7).
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

from vaultui.linux import libc

_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
"""The same on all architectures that Python has names for, as all system calls since 5.0."""
_SCOPE_ABSTRACT_UNIX_SOCKET: Final = 1
_NOT_HERE: Final = frozenset(
    (
        errno.ENOSYS,  # a kernel without Landlock, or a container that knows nothing of it
        errno.EPERM,  # a container that forbids it
        errno.EOPNOTSUPP,  # it is switched off
        errno.E2BIG,  # kernels before 6.12 have no such scope
        errno.EINVAL,
    )
)

_create_ruleset = libc.function(
    "syscall", ctypes.c_long, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint
)
_restrict_self = libc.function("syscall", ctypes.c_long, ctypes.c_int, ctypes.c_uint)


class _RulesetAttr(ctypes.Structure):
    """struct landlock_ruleset_attr of linux/landlock.h."""

    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("handled_access_fs", "handled_access_net", "scoped")
    )


def keep_to_own_abstract_sockets() -> bool:
    """Let this process and its children reach no abstract socket but those of each other.

    Needs CAP_SYS_ADMIN in our user namespace, or that no new privileges can be gained. Returns
    False, and changes nothing, where the kernel cannot do that.
    """
    asked = _RulesetAttr(scoped=_SCOPE_ABSTRACT_UNIX_SOCKET)
    try:
        ruleset = _create_ruleset(_CREATE_RULESET, ctypes.byref(asked), ctypes.sizeof(asked), 0)
    except OSError as error:
        if error.errno in _NOT_HERE:
            return False
        raise
    try:
        _restrict_self(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return True
