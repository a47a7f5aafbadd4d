"""mount(2) and its relatives, for mount namespaces of our own.

A mount of the host is taken off with `linux.unmount`, which lets a child do the waiting.
"""

from __future__ import annotations

import ctypes
import os
from enum import IntFlag

from vaultui.linux import libc


class MountFlag(IntFlag):
    """What mount(2) is told; from linux/mount.h."""

    RDONLY = 1
    NOSUID = 2
    NODEV = 4
    NOEXEC = 8
    SYNCHRONOUS = 1 << 4
    REMOUNT = 1 << 5
    DIRSYNC = 1 << 7
    NOSYMFOLLOW = 1 << 8
    NOATIME = 1 << 10
    NODIRATIME = 1 << 11
    BIND = 1 << 12
    REC = 1 << 14
    PRIVATE = 1 << 18
    SLAVE = 1 << 19
    SHARED = 1 << 20
    RELATIME = 1 << 21
    STRICTATIME = 1 << 24
    LAZYTIME = 1 << 25


NO_FLAGS = MountFlag(0)
HARMLESS = MountFlag.NOSUID | MountFlag.NODEV | MountFlag.NOEXEC
"""For a file system that nothing is to be executed from."""

_DETACH = 2

_mount = libc.function(
    "mount",
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)
_umount2 = libc.function("umount2", ctypes.c_char_p, ctypes.c_int)


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    """Mount a file system. `data` are its own options, with commas between them."""
    _mount(*map(os.fsencode, (source, target, fstype)), flags, os.fsencode(data))


def mount_tmpfs(target: str, mode: int = 0o755, *, size: str = "", flags: int = HARMLESS) -> None:
    """Mount an empty directory in memory; `size` as in tmpfs(5), "64m", else half of the memory."""
    options = [f"mode={mode:o}", *([f"size={size}"] if size else [])]
    mount("tmpfs", target, "tmpfs", flags, ",".join(options))


def mount_proc(target: str) -> None:
    """Mount the processes of our pid namespace.

    Raises PermissionError in a user namespace where parts of the /proc that we see are covered,
    as containers have it: the kernel shows no more than what was visible before.
    """
    mount("proc", target, "proc", HARMLESS)


def bind(source: str, target: str, *, recursive: bool = True) -> None:
    """Show the tree or file `source` at `target` as well, with the mounts in it.

    In a user namespace it is all or nothing: without those mounts, EINVAL.
    """
    flags = MountFlag.BIND | (MountFlag.REC if recursive else NO_FLAGS)
    mount(source, target, "", flags)


def set_propagation(target: str, kind: MountFlag, *, recursive: bool = True) -> None:
    """Make a mount, and all below it, PRIVATE, SLAVE or SHARED."""
    mount("", target, "", kind | (MountFlag.REC if recursive else NO_FLAGS))


def make_private() -> None:
    """Let no mount of this namespace be seen in another one, and none of others in this."""
    set_propagation("/", MountFlag.PRIVATE)


def pivot_root(new_root: str) -> None:
    """Make a mount the root directory of this mount namespace, and detach the old root.

    The working directory is the new root then. Raises OSError, EBUSY or EINVAL, where `new_root`
    is no mount of its own, or where a mount on the way is shared.
    """
    # Looked up here: not every C library has it.
    call = libc.function("pivot_root", ctypes.c_char_p, ctypes.c_char_p)
    os.chdir(new_root)
    # With one directory for both the old root comes to lie over the new one, so that no
    # directory for it is needed: pivot_root(2), under NOTES.
    call(b".", b".")
    _umount2(b".", _DETACH)
    os.chdir("/")
