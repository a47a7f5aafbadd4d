"""Rights of single threads: making files as the user who asks for them.

Credentials belong to threads in Linux. The C library's setgroups changes those of all threads
together, so the system call itself is made here; setfsuid and setfsgid change one thread in
every C library. Only what the file system checks is changed, setfsuid(2): nobody can send
signals to the thread meanwhile, and with the user go the privileges over files, no others.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.linux import capabilities, libc, prctl
from vaultui.model.exitcodes import ExitCode

_SETGROUPS: Final = {
    ("x86_64", 8): 116,
    ("aarch64", 8): 159,
    ("riscv64", 8): 159,
    ("loongarch64", 8): 159,
    ("ppc64", 8): 81,
    ("ppc64le", 8): 81,
    ("s390x", 8): 206,
    # Also 32-bit programs on a 64-bit kernel, which tells its own name.
    ("x86_64", 4): 206,
    ("i686", 4): 206,
    ("i586", 4): 206,
    ("aarch64", 4): 206,
    ("armv8l", 4): 206,
    ("armv7l", 4): 206,
    ("armv6l", 4): 206,
}
"""Number of setgroups by machine and bytes of a pointer, in its form with 32-bit groups.
From asm/unistd.h of each."""

_ASK: Final = 0xFFFFFFFF
"""No user has this number: setfsuid and setfsgid refuse it, and tell the one that is set."""

_setfsuid = libc.function("setfsuid", ctypes.c_uint32)
_setfsgid = libc.function("setfsgid", ctypes.c_uint32)
_syscall = libc.function("syscall", ctypes.c_long, ctypes.c_size_t, ctypes.c_void_p)

_log = logging.getLogger("vaultfs")


@dataclass(frozen=True)
class Caller:
    """Whoever asks for something, in the numbers of our own user namespace."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    """The supplementary groups."""


def caller_of(pid: int, uid: int, gid: int) -> Caller:
    """Return the caller with the groups that /proc has of thread `pid`.

    Without groups when the thread is gone, lives in another pid namespace (`pid` is 0), or
    when its number has passed on to a thread with other rights.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return Caller(uid, gid)
    # Line breaks in the name of a program are escaped, so a line starts with what it is.
    fields = dict(line.split(b":", 1) for line in status.splitlines() if b":" in line)
    uids, gids, groups = (fields.get(key, b"").split() for key in (b"Uid", b"Gid", b"Groups"))
    # The last is that of the file system, after the real, the effective and the saved one.
    if uids[3:] != [b"%d" % uid] or gids[3:] != [b"%d" % gid]:
        return Caller(uid, gid)
    return Caller(uid, gid, tuple(int(group) for group in groups))


def may_act() -> bool:
    """Return whether this process has the privileges for `acting_as`.

    Root without them is met in containers, and behind mount.fuse3's drop_privileges. Raises
    OSError, ENOSYS with the reason, where it has them and this machine is not known here.
    """
    if not capabilities.has("setgid", "setuid"):
        return False
    _setgroups_number()
    return True


@contextmanager
def acting_as(caller: Caller) -> Iterator[None]:
    """Let this thread, which must be root's, touch files as `caller` and with no more rights.

    Raises PermissionError, with nothing changed, when that can't be had. A thread that can't
    be brought back ends the process: it would go on with somebody else's rights.

    Threads that are started inside inherit the rights, and keep them.
    """
    user, group = _setfsuid(_ASK) & _ASK, _setfsgid(_ASK) & _ASK
    dumpable = prctl.is_dumpable()
    # Root's supplementary groups decide nothing that root may not do anyway.
    groups = os.getgroups() if caller.uid else None
    try:
        if groups is not None:
            _setgroups(caller.groups)
        _become(caller.uid, caller.gid)
        yield
    finally:
        try:
            _become(user, group)
            if groups is not None:
                _setgroups(groups)
            if not dumpable:
                # With other rights comes what fs.suid_dumpable says, which may be core dumps.
                prctl.set_dumpable(False)
        except BaseException as error:
            _log.critical("the rights of a caller can't be laid down", exc_info=error)
            os._exit(ExitCode.OTHER)


def acting_for(caller: Caller | None) -> AbstractContextManager[None]:
    """Act as `caller`; where nobody is named, go on with the rights that there are."""
    return nullcontext() if caller is None else acting_as(caller)


def _become(uid: int, gid: int) -> None:
    _setfsgid(gid)
    _setfsuid(uid)
    # Neither tells of a failure; asked again, each tells what is set.
    if _setfsuid(_ASK) & _ASK != uid or _setfsgid(_ASK) & _ASK != gid:
        raise PermissionError(errno.EPERM, f"setfsuid: {os.strerror(errno.EPERM)}")


def _setgroups(groups: Sequence[int]) -> None:
    _syscall(_setgroups_number(), len(groups), (ctypes.c_uint32 * len(groups))(*groups))


def _setgroups_number() -> int:
    machine = os.uname().machine
    number = _SETGROUPS.get((machine, ctypes.sizeof(ctypes.c_void_p)))
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of setgroups is not known on {machine}")
    return number
