"""A mount with all mounts below it: read-only as a whole, and taken off as a whole."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterator
from typing import Final

from vaultui.linux import libc, mounting
from vaultui.linux.mountinfo import Mount, mounts_below, read_mounts
from vaultui.linux.mounting import MountFlag

_MOUNT_SETATTR: Final = 442
"""The same on all architectures that Python has names for, as all system calls since 5.0."""
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000
_AT_SYMLINK_NOFOLLOW: Final = 0x100
_ATTR_RDONLY: Final = 1

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


def set_read_only(target: str) -> None:
    """Make the mount at `target` and those below it read-only here; elsewhere they stay as is.

    `target` is a mount point as the mount table spells it. `bind` a tree first to have one.
    """
    asked = _MountAttr(attr_set=_ATTR_RDONLY)
    flags = _AT_RECURSIVE | _AT_SYMLINK_NOFOLLOW
    path = os.fsencode(target)
    try:
        _syscall(_MOUNT_SETATTR, _AT_FDCWD, path, flags, ctypes.byref(asked), ctypes.sizeof(asked))
    except OSError as error:
        if error.errno != errno.ENOSYS:  # kernels before 5.12
            raise
        _remount_read_only(target)


def _remount_read_only(target: str) -> None:
    for mount in _tree(target):
        kept = mounting.NO_FLAGS
        for option in mount.options:
            kept |= _KEPT.get(option, mounting.NO_FLAGS)
        flags = MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY | kept
        # One that is covered by another can't be named, nor entered either.
        with _gone_is_fine():
            mounting.mount("", mount.mountpoint, "", flags)


def bind_read_only(source: str, target: str) -> None:
    """Show the tree or file `source` at `target` as well, read-only with all mounts in it."""
    mounting.bind(source, target)
    set_read_only(target)


def unmount_tree(target: str, *, lazy: bool = False) -> None:
    """Take off every mount at `target` and below it, each after those on it; none is no error.

    Raises OSError, EBUSY, of the first that is in use; with `lazy` nothing is waited for.
    """
    for mount in _leaves_first(_tree(target)):
        # Where one mount is shown in two places, taking it off here may do it there.
        with _gone_is_fine():
            mounting.umount(mount.mountpoint, lazy=lazy)


def _tree(target: str) -> list[Mount]:
    """Return the mounts at `target` and below, in the order of the table."""
    table = read_mounts()
    at_target = {mount.mount_id for mount in table if mount.mountpoint == target}
    below = {mount.mount_id for mount in mounts_below(target, table)}
    return [mount for mount in table if mount.mount_id in at_target | below]


def _leaves_first(mounts: list[Mount]) -> Iterator[Mount]:
    """Yield the mounts so that each comes when nothing is left on it, and younger ones first.

    The order of the table alone would not do: a mount may have been moved onto a younger one.
    """
    left = list(mounts)
    while left:
        parents = {mount.parent_id for mount in left}
        leaf = next(mount for mount in reversed(left) if mount.mount_id not in parents)
        left.remove(leaf)
        yield leaf


@contextlib.contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise
