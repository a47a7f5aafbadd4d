"""Unmounting, always in a child: the call can block, and may need a setuid helper.

A process that serves a mount and called umount2 itself could wait for itself.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from typing import Final

from vaultui.linux import spawn
from vaultui.linux.mountinfo import Mount, mount_at, resolve_above

TIMEOUT_S = 20.0
"""An unmount waits for the file system to write back; a minute would look like a hang."""

_UMOUNT2: Final = (
    "import ctypes, os, sys\n"
    "libc = ctypes.CDLL(None, use_errno=True)\n"
    "if libc.umount2(os.fsencode(sys.argv[1]), int(sys.argv[2])):\n"
    "    sys.exit(os.strerror(ctypes.get_errno()))"
)
_DETACH: Final = 2
_NOFOLLOW: Final = 8


def unmount(mountpoint: str | os.PathLike[str], *, lazy: bool = False) -> None:
    """Take the topmost mount off `mountpoint`, and return when the mount table agrees.

    With `lazy` it disappears from the tree at once, and ends when its last user lets go.
    Raises OSError: EINVAL when nothing is mounted there, EBUSY when it is in use (or the
    helper refused for another reason, which is in `strerror`), ETIMEDOUT, ENOENT without
    any program that could do it.
    """
    mount = mount_at(mountpoint)
    if mount is None:
        raise OSError(errno.EINVAL, f"nothing is mounted on {os.fspath(mountpoint)}")
    # The table's own spelling: the helper compares it as text.
    completed = spawn.run(_command(mount, lazy), timeout=TIMEOUT_S, env=_environment())
    if completed.returncode != 0 and _is_listed(mount):
        reason = completed.stderr.decode(errors="replace").strip() or "refused without a reason"
        raise OSError(errno.EBUSY, reason)


def _command(mount: Mount, lazy: bool) -> list[str]:
    if os.geteuid() != 0 and _may_unmount():
        # In a user namespace of ours, where a set-uid helper is as powerless as anybody, and
        # umount(8) refuses whoever is not root before it asks the kernel.
        flags = _NOFOLLOW | (_DETACH if lazy else 0)
        return [sys.executable, "-I", "-S", "-c", _UMOUNT2, mount.mountpoint, str(flags)]
    helper = shutil.which("fusermount3") or shutil.which("fusermount")
    if helper is not None and mount.is_fuse:
        return [helper, "-u", *(["-z"] if lazy else []), "--", mount.mountpoint]
    if os.geteuid() == 0 and (umount := shutil.which("umount")) is not None:
        # Without its own helpers and without looking at the path, which may hang.
        options = ["--internal-only", "--no-canonicalize", *(["--lazy"] if lazy else [])]
        return [umount, *options, "--", mount.mountpoint]
    raise OSError(errno.ENOENT, "fusermount3 was not found")


def _may_unmount() -> bool:
    # Imported here: the front end unmounts now and then, and does without ctypes until then.
    from vaultui.linux import capabilities

    return capabilities.has("sys_admin")


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}


def _is_listed(mount: Mount) -> bool:
    """Return whether that very mount is still there; somebody else may have been faster."""
    now = mount_at(resolve_above(mount.mountpoint))
    return now is not None and now.mount_id == mount.mount_id
