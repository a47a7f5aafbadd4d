"""Being traced, ptrace(2)."""

from __future__ import annotations

import ctypes

from vaultui.linux import libc

_TRACEME = 0

_ptrace = libc.function("ptrace", ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def trace_me() -> None:
    """Let the parent trace this process: it stops at its next exec, with SIGTRAP.

    Raises PermissionError where somebody traces it already.
    """
    _ptrace(_TRACEME, 0, None, None)
