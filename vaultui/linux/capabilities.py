"""The parts of root's power, capabilities(7), by their names there: "sys_admin"."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Iterable
from typing import Final

from vaultui.linux import libc, prctl

NAMES: Final = (
    *("chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid"),
    *("setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw"),
    *("ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct"),
    *("sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod"),
    *("lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog"),
    *("wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore"),
)
"""In the order of their numbers, from linux/capability.h."""

_VERSION: Final = 0x20080522
_BITS: Final = 32


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable"))


_Data = _Sets * 2
_capget = libc.function("capget", ctypes.POINTER(_Header), ctypes.POINTER(_Data))
_capset = libc.function("capset", ctypes.POINTER(_Header), ctypes.POINTER(_Data))


def has(*names: str) -> bool:
    """Return whether this thread can use all of these now, in its own user namespace."""
    _, sets = _current()
    return all(
        sets[number // _BITS].effective >> number % _BITS & 1 for number in map(_number, names)
    )


def make_ambient(names: Iterable[str]) -> None:
    """Pass these on to every program that this process executes, and that is not set-uid.

    They must be permitted: those of root, before it becomes somebody else, are kept by
    `prctl.keep_capabilities`. Raises OSError: EPERM for one that is not, EINVAL for a name that
    is none.
    """
    numbers = [_number(name) for name in names]
    header, sets = _current()
    for number in numbers:
        # Ambient is what is permitted and inheritable.
        sets[number // _BITS].inheritable |= 1 << number % _BITS
    _capset(ctypes.byref(header), ctypes.byref(sets))
    for number in numbers:
        prctl.raise_ambient(number)


def _current() -> tuple[_Header, ctypes.Array[_Sets]]:
    """Return the sets of this thread. Not from /proc, which may be that of another namespace."""
    header, sets = _Header(_VERSION, 0), _Data()
    _capget(ctypes.byref(header), ctypes.byref(sets))
    return header, sets


def _number(name: str) -> int:
    if name not in NAMES:
        raise OSError(errno.EINVAL, f"there is no capability {name}")
    return NAMES.index(name)
