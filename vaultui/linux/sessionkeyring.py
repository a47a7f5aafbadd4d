"""The keys that the kernel keeps for a login session, session-keyring(7).

Every process of the session has them at its disposal, whoever it is by now. The C library has no
function for the system call.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

from vaultui.linux import libc

_KEYCTL: Final = {
    ("x86_64", 8): 250,
    ("aarch64", 8): 219,
    ("riscv64", 8): 219,
    ("loongarch64", 8): 219,
    ("ppc64", 8): 271,
    ("ppc64le", 8): 271,
    ("s390x", 8): 280,
    # Also 32-bit programs on a 64-bit kernel, which tells its own name.
    ("x86_64", 4): 288,
    ("i686", 4): 288,
    ("i586", 4): 288,
    ("aarch64", 4): 311,
    ("armv8l", 4): 311,
    ("armv7l", 4): 311,
    ("armv6l", 4): 311,
}
"""Number of keyctl by machine and bytes of a pointer. From asm/unistd.h of each."""

_JOIN_SESSION_KEYRING: Final = 1

_syscall = libc.function("syscall", ctypes.c_long, ctypes.c_int, ctypes.c_char_p)


def leave() -> None:
    """Go on with an empty keyring of our own, which children inherit.

    Raises OSError: ENOSYS where the kernel has no keys, or we don't know how to ask it.
    """
    machine = os.uname().machine
    number = _KEYCTL.get((machine, ctypes.sizeof(ctypes.c_void_p)))
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of keyctl is not known on {machine}")
    _syscall(number, _JOIN_SESSION_KEYRING, None)
