"""A mount with all mounts below it, made read-only or without devices as a whole."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import Final

from vaultui.linux import libc, mounting
from vaultui.linux.mountinfo import mounts_below, read_mounts
from vaultui.linux.mounting import MountFlag

_MOUNT_SETATTR: Final = 442
"""The same on all architectures that Python has names for, as all system calls since 5.0."""
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_AT_SYMLINK_NOFOLLOW: Final = 0x100
_ATTR_RDONLY: Final = 1
_ATTR_NODEV: Final = 4

_KEPT: Final = {
    "nosuid": MountFlag.NOSUID,
    "nodev": MountFlag.NODEV,
    "noexec": MountFlag.NOEXEC,
    "noatime": MountFlag.NOATIME,
    "nodiratime": MountFlag.NODIRATIME,
    "relatime": MountFlag.RELATIME,
}
"""What a remount must repeat: left out, it would be taken back, which a user namespace may not."""

_syscall = libc.function(
    "syscall",
    *(ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint, ctypes.c_void_p),
    ctypes.c_size_t,
)


class _MountAttr(ctypes.Structure):
    """struct mount_attr of mount_setattr(2)."""

    _fields_ = tuple(
        (name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")
    )


def set_read_only(target: str, *, devices: bool = True) -> None:
    """Make the mount at `target` and those below it read-only here; elsewhere they stay as is.

    Without `devices`, what looks like one in them leads to none. `target` is a mount point as the
    mount table spells it. `bind` a tree first to have one.
    """
    asked = _MountAttr(attr_set=_ATTR_RDONLY if devices else _ATTR_RDONLY | _ATTR_NODEV)
    flags = _AT_RECURSIVE | _AT_SYMLINK_NOFOLLOW
    path = os.fsencode(target)
    try:
        _syscall(_MOUNT_SETATTR, _AT_FDCWD, path, flags, ctypes.byref(asked), ctypes.sizeof(asked))
    except OSError as error:
        if error.errno != errno.ENOSYS:  # kernels before 5.12
            raise
        _remount(target, MountFlag.RDONLY if devices else MountFlag.RDONLY | MountFlag.NODEV)


def _remount(target: str, more: MountFlag) -> None:
    table = read_mounts()
    at_target = [mount for mount in table if mount.mountpoint == target]
    for mount in (*at_target, *mounts_below(target, table)):
        kept = more
        for option in mount.options:
            kept |= _KEPT.get(option, mounting.NO_FLAGS)
        flags = MountFlag.BIND | MountFlag.REMOUNT | kept
        try:
            mounting.mount("", mount.mountpoint, "", flags)
        except OSError as error:
            # One that is covered by another can't be named, nor entered either.
            if error.errno not in (errno.EINVAL, errno.ENOENT):
                raise
