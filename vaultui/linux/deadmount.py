"""Taking away what a killed FUSE server leaves behind: a mount that only gives errors."""

from __future__ import annotations

import errno
import os

from vaultui.linux import fuseconn
from vaultui.linux.mountinfo import mount_at
from vaultui.linux.unmount import unmount

_ANSWER_S = 3.0


def detach_if_dead(mountpoint: str | os.PathLike[str]) -> bool:
    """Detach the FUSE mounts on `mountpoint` whose server is gone; return whether there were any.

    A mount that answers, or that hangs, is left alone: it may be somebody else's, mounted
    after the dead one was unmounted. Raises OSError when a dead mount can't be detached.
    """
    detached = False
    while (mount := mount_at(mountpoint)) is not None and mount.is_fuse:
        if fuseconn.ask(mount.mountpoint, _ANSWER_S) is not fuseconn.Answer.DEAD:
            break
        # Lazily, because a dead mount can be busy, too, and nobody can use it any more.
        try:
            unmount(mount.mountpoint, lazy=True)
        except OSError as error:
            if error.errno != errno.EINVAL:  # gone meanwhile: somebody else repairs, too
                raise
        detached = True
    return detached
