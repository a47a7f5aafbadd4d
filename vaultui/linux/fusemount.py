"""Mounting a FUSE file system and keeping the descriptor that serves it.

libfuse can do this too, but builds an option string on the way in which commas and
backslashes have a meaning, and pyfuse3 lets ASCII through only. Here the source of the
mount is any text: mount(2) takes it as it is, and fusermount3 knows an escape for it.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
from collections.abc import Iterable
from typing import Final

from vaultui.linux import capabilities, mounting, spawn
from vaultui.linux.mounting import MountFlag
from vaultui.model.records import record

DEVICE: Final = "/dev/fuse"
HELPER: Final = "fusermount3"
HELPER_TIMEOUT_S: Final = 30.0

_log: Final = logging.getLogger("vaultfs")

_DESCRIPTOR: Final = re.compile(r"/dev/fd/(\d+)")
_DEVICE_NUMBER: Final = os.makedev(10, 229)
"""Of DEVICE, from Documentation/admin-guide/devices.txt of the kernel."""

_FLAGS: Final = {
    "ro": MountFlag.RDONLY,
    "nosuid": MountFlag.NOSUID,
    "nodev": MountFlag.NODEV,
    "noexec": MountFlag.NOEXEC,
    "sync": MountFlag.SYNCHRONOUS,
    "dirsync": MountFlag.DIRSYNC,
    "nosymfollow": MountFlag.NOSYMFOLLOW,
    "noatime": MountFlag.NOATIME,
    "nodiratime": MountFlag.NODIRATIME,
    "relatime": MountFlag.RELATIME,
    "strictatime": MountFlag.STRICTATIME,
    "lazytime": MountFlag.LAZYTIME,
}
"""Options that are flags of mount(2), by their names in mount(8)."""
_OPPOSITES: Final = {
    "rw": "ro",
    "suid": "nosuid",
    "dev": "nodev",
    "exec": "noexec",
    "async": "sync",
    "symfollow": "nosymfollow",
    "atime": "noatime",
    "diratime": "nodiratime",
    "norelatime": "relatime",
    "nostrictatime": "strictatime",
    "nolazytime": "lazytime",
}


@record(frozen=True)
class FuseMount:
    """What the mount table is to say."""

    mountpoint: str
    source: str
    subtype: str
    """The file system type is "fuse." and this."""
    read_only: bool = False
    allow_other: bool = False
    """Other users may enter; the kernel then checks permissions before it asks us."""
    suid: bool = False
    """Set-uid programs work. Only root may mount so; for others the helper ignores it."""
    dev: bool = False
    """Device files work, under the same condition."""
    exec: bool = True
    context: str = ""
    """SELinux context of all files; empty for their own."""
    extra: tuple[str, ...] = ()
    """More options, as in mount(8), that override the others."""

    @property
    def options(self) -> list[str]:
        """All options but source and subtype, the later ones stronger."""
        asked = [
            "ro" if self.read_only else "rw",
            "suid" if self.suid else "nosuid",
            "dev" if self.dev else "nodev",
            "exec" if self.exec else "noexec",
        ]
        if self.allow_other:
            asked += ["allow_other", "default_permissions"]
        if self.context:
            # Quoted, since a context may have commas.
            asked.append(f'context="{self.context.strip(chr(34))}"')
        return [*asked, *self.extra]


class HelperFailed(OSError):
    """fusermount3 could not mount; `strerror` is what it said."""


def mount(wanted: FuseMount) -> int:
    """Mount, and return the descriptor to serve it on: close-on-exec, and not blocking.

    Raises FileNotFoundError with `filename` DEVICE or HELPER when one of these is missing,
    HelperFailed, or the OSError of mount(2). The kernel waits for nobody here: the mount is
    listed at once, and whoever enters it waits until it is served.
    """
    # Not asked for as root: many containers have one without it, and in a user namespace of
    # ours we have it as somebody else.
    if capabilities.has("sys_admin"):
        try:
            fd = _mount_directly(wanted)
        except OSError as error:
            # An option that is not the kernel's, or a kernel that mounts nothing in a user
            # namespace: the helper does it, or says in words why not.
            if error.errno not in (errno.EPERM, errno.EACCES, errno.EINVAL):
                raise
            fd = _mount_by_helper(wanted)
    else:
        fd = _mount_by_helper(wanted)
    os.set_blocking(fd, False)
    return fd


def handed_over(mountpoint: str) -> int | None:
    """Return N of a mount point "/dev/fd/N": a FUSE descriptor that somebody else mounted."""
    found = _DESCRIPTOR.fullmatch(mountpoint)
    return int(found[1]) if found else None


def take_over(fd: int) -> None:
    """Make a descriptor that was handed over one like those of `mount`.

    Raises OSError: EBADF when it is not open, EINVAL when it is not one of FUSE.
    """
    status = os.fstat(fd)
    if not stat.S_ISCHR(status.st_mode) or status.st_rdev != _DEVICE_NUMBER:
        raise OSError(errno.EINVAL, f"descriptor {fd} is not one of {DEVICE}")
    os.set_inheritable(fd, False)
    os.set_blocking(fd, False)


def _mount_directly(wanted: FuseMount) -> int:
    fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        kind = stat.S_IFMT(os.stat(wanted.mountpoint).st_mode)
        ours = f"fd={fd},rootmode={kind:o},user_id={os.geteuid()},group_id={os.getegid()}"
        flags, data = split(wanted.options)
        options = ",".join((ours, *data))
        mounting.mount(wanted.source, wanted.mountpoint, f"fuse.{wanted.subtype}", flags, options)
    except BaseException:
        os.close(fd)
        raise
    return fd


def split(options: Iterable[str]) -> tuple[int, list[str]]:
    """Return the flags of mount(2) that `options` make, and those that are text for it."""
    flags, data = 0, []
    for option in options:
        if option in _FLAGS:
            flags |= _FLAGS[option]
        elif option in _OPPOSITES:
            flags &= ~_FLAGS[_OPPOSITES[option]]
        else:
            data.append(option)
    return flags, data


def _mount_by_helper(wanted: FuseMount) -> int:
    # Not loaded by whoever may mount, nor while the password waits to be tried.
    import socket

    if not os.path.exists(DEVICE):  # the helper's own words for it are unclear
        raise FileNotFoundError(2, os.strerror(2), DEVICE)
    if "auto_unmount" in wanted.options:  # the helper would stay, and we wait for its end
        raise HelperFailed(None, "the option auto_unmount is not supported")
    names = [f"fsname={escape(wanted.source)}", f"subtype={wanted.subtype}"]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        try:
            done = spawn.run(
                (HELPER, "-o", ",".join((*names, *wanted.options)), "--", wanted.mountpoint),
                env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
                pass_fds=(theirs.fileno(),),
                timeout=HELPER_TIMEOUT_S,
            )
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, error.strerror, HELPER) from error
        words = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode != 0:
            raise HelperFailed(None, words or f"{HELPER} ended with {done.returncode}")
        if words:  # an option that only root may use, and that was left out
            _log.info("%s", words)
        theirs.close()
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    if not fds:
        raise HelperFailed(None, f"{HELPER} handed over no descriptor")
    os.set_inheritable(fds[0], False)
    return fds[0]


def escape(value: str) -> str:
    """Return `value` as fusermount3 wants it inside an option: comma and backslash escaped."""
    return value.replace("\\", "\\\\").replace(",", "\\,")
