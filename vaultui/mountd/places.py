"""The two directories of a mount: may they be used, and together?

Looked at before anything is asked or derived, so that a wrong path is told at once. The
checks are those of gocryptfs, in its order.
"""

from __future__ import annotations

import os
import stat

from vaultui.linux.errnos import reason_of
from vaultui.linux.fusemount import handed_over
from vaultui.linux.mountinfo import mount_at
from vaultui.model.errors import (
    CipherdirMissing,
    CipherdirNotAccessible,
    MountpointBusy,
    MountpointMissing,
    MountpointNotAccessible,
    MountpointNotEmpty,
    MountpointOverlap,
)


def open_cipherdir(path: str) -> int:
    """Return a descriptor of the cipher directory.

    Raises CipherdirMissing, or CipherdirNotAccessible with the system's reason.
    """
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CipherdirMissing(path=path) from error
    except OSError as error:
        raise CipherdirNotAccessible(path=path, reason=reason_of(error)) from error


def check_mountpoint(mountpoint: str, cipherdir: str, *, nonempty: bool) -> None:
    """Raise the MountpointError that fits, or return when `mountpoint` can be mounted on.

    Over the cipher directory it would hide it; inside, the vault would show itself. A mount
    point that is one already is refused, unless `nonempty` asks to cover it. Where a
    descriptor was handed over, somebody else has seen to all that.
    """
    if handed_over(mountpoint) is not None:
        return
    real = os.path.realpath(mountpoint)
    real_cipherdir = os.path.realpath(cipherdir)
    if _is_inside(real_cipherdir, real) or _is_inside(real, real_cipherdir):
        raise MountpointOverlap(path=mountpoint, cipherdir=cipherdir)
    # Before the directory is looked into: what is mounted there may hang.
    mounted = mount_at(mountpoint)
    if mounted is not None and mounted.is_fuse and not nonempty:
        raise MountpointBusy(path=mountpoint, fstype=mounted.fstype)
    try:
        if not stat.S_ISDIR(os.stat(mountpoint).st_mode):
            raise MountpointMissing(path=mountpoint)
        if not nonempty and (names := os.listdir(mountpoint)):
            raise MountpointNotEmpty(path=mountpoint, first=", ".join(sorted(names)[:3]))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MountpointMissing(path=mountpoint) from error
    except OSError as error:
        raise MountpointNotAccessible(path=mountpoint, reason=reason_of(error)) from error


def _is_inside(path: str, directory: str) -> bool:
    return os.path.commonpath((path, directory)) == directory
