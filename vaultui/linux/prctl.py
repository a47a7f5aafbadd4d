"""Attributes of the own process that only prctl(2) can set. Linux's numbers, from linux/prctl.h."""

from __future__ import annotations

import ctypes

from vaultui.linux import libc

_SET_PDEATHSIG = 1
_GET_DUMPABLE = 3
_SET_DUMPABLE = 4
_SET_KEEPCAPS = 8
_SET_NAME = 15
_SET_CHILD_SUBREAPER = 36
_SET_NO_NEW_PRIVS = 38
_CAP_AMBIENT = 47
_CAP_AMBIENT_RAISE = 2

_prctl = libc.function(
    "prctl", ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong
)


def set_parent_death_signal(signal: int) -> None:
    """Ask for `signal` when the thread that started this process ends; 0 for none.

    It survives an exec, except of a setuid program. A parent that was gone before the call
    is not noticed: compare `os.getppid()` afterwards.
    """
    _prctl(_SET_PDEATHSIG, signal, 0, 0, 0)


def set_dumpable(dumpable: bool) -> None:
    """Allow or forbid core dumps, ptrace and reading /proc/self/mem by the same user.

    An exec allows it again, so each process does this for itself.
    """
    _prctl(_SET_DUMPABLE, int(dumpable), 0, 0, 0)


def is_dumpable() -> bool:
    """Return whether there may be a core dump of this process, for whomever."""
    return _prctl(_GET_DUMPABLE, 0, 0, 0, 0) != 0


def set_child_subreaper() -> None:
    """Become the parent of orphans among the descendants, in place of the init process."""
    _prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def set_name(name: str) -> None:
    """Set the short name that ps shows; the kernel keeps 15 bytes of it."""
    text = ctypes.create_string_buffer(name.encode())
    _prctl(_SET_NAME, ctypes.addressof(text), 0, 0, 0)


def keep_capabilities() -> None:
    """Stay permitted to what root may after becoming somebody else; an exec ends it."""
    _prctl(_SET_KEEPCAPS, 1, 0, 0, 0)


def raise_ambient(capability: int) -> None:
    """Let a capability that is permitted and inheritable pass on to programs, capabilities(7)."""
    _prctl(_CAP_AMBIENT, _CAP_AMBIENT_RAISE, capability, 0, 0)


def set_no_new_privileges() -> None:
    """Let no program that is executed from now on gain anything: set-uid means nothing to it."""
    _prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
