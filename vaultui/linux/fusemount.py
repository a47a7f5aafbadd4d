"""Mounting a FUSE file system and keeping the descriptor that serves it.

libfuse can do this too, but builds an option string on the way in which commas and
backslashes have a meaning, and pyfuse3 lets ASCII through only. Here the source of the
mount is any text: mount(2) takes it as it is, and fusermount3 knows an escape for it.
"""

from __future__ import annotations

import ctypes
import os
import socket
import stat
from dataclasses import dataclass
from typing import Final

from vaultui.linux import libc, spawn

DEVICE: Final = "/dev/fuse"
HELPER: Final = "fusermount3"
HELPER_TIMEOUT_S: Final = 30.0

_MS_RDONLY = 1
_MS_NOSUID = 2
_MS_NODEV = 4

_mount = libc.function(
    "mount",
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)


@dataclass(frozen=True)
class FuseMount:
    """What the mount table is to say. Always without set-uid programs and devices."""

    mountpoint: str
    source: str
    subtype: str
    """The file system type is "fuse." and this."""
    read_only: bool = False
    allow_other: bool = False
    """Other users may enter; the kernel then checks permissions before it asks us."""


class HelperFailed(OSError):
    """fusermount3 could not mount; `strerror` is what it said."""


def mount(wanted: FuseMount) -> int:
    """Mount, and return the descriptor to serve it on: close-on-exec, and not blocking.

    Raises FileNotFoundError with `filename` DEVICE or HELPER when one of these is missing,
    HelperFailed, or the OSError of mount(2). The kernel waits for nobody here: the mount is
    listed at once, and whoever enters it waits until it is served.
    """
    if os.geteuid() == 0:
        try:
            fd = _mount_directly(wanted)
        except PermissionError:
            # Root without CAP_SYS_ADMIN, as in many containers; the helper says it in words.
            fd = _mount_by_helper(wanted)
    else:
        fd = _mount_by_helper(wanted)
    os.set_blocking(fd, False)
    return fd


def _mount_directly(wanted: FuseMount) -> int:
    fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        kind = stat.S_IFMT(os.stat(wanted.mountpoint).st_mode)
        options = f"fd={fd},rootmode={kind:o},user_id={os.geteuid()},group_id={os.getegid()}"
        if wanted.allow_other:
            options += ",allow_other,default_permissions"
        flags = _MS_NOSUID | _MS_NODEV | (_MS_RDONLY if wanted.read_only else 0)
        _mount(
            os.fsencode(wanted.source),
            os.fsencode(wanted.mountpoint),
            b"fuse." + wanted.subtype.encode(),
            flags,
            options.encode(),
        )
    except BaseException:
        os.close(fd)
        raise
    return fd


def _mount_by_helper(wanted: FuseMount) -> int:
    if not os.path.exists(DEVICE):  # the helper's own words for it are unclear
        raise FileNotFoundError(2, os.strerror(2), DEVICE)
    options = [f"fsname={escape(wanted.source)}", f"subtype={wanted.subtype}"]
    if wanted.read_only:
        options.append("ro")
    if wanted.allow_other:
        options += ["allow_other", "default_permissions"]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            done = spawn.run(
                (HELPER, "-o", ",".join(options), "--", wanted.mountpoint),
                env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
                pass_fds=(theirs.fileno(),),
                timeout=HELPER_TIMEOUT_S,
            )
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, error.strerror, HELPER) from error
        if done.returncode != 0:
            words = done.stderr.decode("utf-8", "replace").strip()
            raise HelperFailed(None, words or f"{HELPER} ended with {done.returncode}")
        theirs.close()
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    if not fds:
        raise HelperFailed(None, f"{HELPER} handed over no descriptor")
    os.set_inheritable(fds[0], False)
    return fds[0]


def escape(value: str) -> str:
    """Return `value` as fusermount3 wants it inside an option: comma and backslash escaped."""
    return value.replace("\\", "\\\\").replace(",", "\\,")
