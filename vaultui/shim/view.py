"""A root directory that is put together for a task, and that it can't leave.

Everything happens in the mount namespace of the task: a directory in memory becomes its root,
with the trees and files in it that the task may see, and the old root is taken off.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Final

from vaultui.linux import landlock, mounting, mounttree, sessionkeyring
from vaultui.linux.mounting import MountFlag
from vaultui.wire.rooms import Bind, EmptyDirectory, View

_DEV: Final = "/dev"
_DEVICES: Final = ("full", "null", "random", "tty", "urandom", "zero")
_DEV_LINKS: Final = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
)
_MOST_LINKS: Final = 40
"""In one path, as in the kernel."""

_NO_DEVICES: Final = MountFlag.NOSUID | MountFlag.NODEV


def assemble(view: View) -> None:
    """Put `view` together in this mount namespace, which is ours alone; `/proc` comes after it.

    Raises OSError, with the place that could not be made as its filename where it is one.
    """
    _leave_keys()
    root = view.staging
    mounting.mount_tmpfs(root, flags=_NO_DEVICES)
    for name, target in view.links:
        os.symlink(target, root + name)
    _make_devices(root)  # before what is asked for below /dev, which they would cover
    # A place is there before the ones in it; of two for one place the first stands.
    places: tuple[Bind | EmptyDirectory, ...] = (*view.binds, *view.directories)
    first = {one.target: one for one in reversed(places)}
    for target in sorted(first, key=lambda path: path.count("/")):
        _place(root, first[target])


def show_processes(view: View) -> None:
    """Mount the processes of our pid namespace in a view that was put together.

    Raises PermissionError where parts of the /proc outside are covered, as in containers. To show
    that one instead would let the task out: /proc/PID/root and /proc/PID/cwd of every process of
    the same user lead to where the view does not reach.
    """
    mounting.mount_proc(made(view.staging, "/proc", stat.S_IFDIR))


def enter(view: View) -> None:
    """Make a view that was put together the root directory of this mount namespace."""
    root = view.staging
    # The places in it that can be written to are mounts of their own.
    mounting.mount(
        "", root, "", MountFlag.BIND | MountFlag.REMOUNT | MountFlag.RDONLY | _NO_DEVICES
    )
    mounting.pivot_root(root)
    # No directory hides those. Last of all: whoever is held back so may not mount on every kernel.
    landlock.keep_to_own_abstract_sockets()


def _leave_keys() -> None:
    """Take leave of the keys of the session: they are as good as a file that it does not see."""
    try:
        sessionkeyring.leave()
    except OSError as error:
        # Without keys in the kernel there are none, and a container that keeps us from them keeps
        # the task from them. Whoever has too many of them already would still have them.
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise


def _place(root: str, one: Bind | EmptyDirectory) -> None:
    if isinstance(one, EmptyDirectory):
        target = _made_below(root, one.target, stat.S_IFDIR)
        mounting.mount_tmpfs(target, one.mode, flags=_NO_DEVICES)
        os.chown(target, one.uid, one.gid)
        return
    try:
        kind = stat.S_IFMT(os.stat(one.source).st_mode)
    except FileNotFoundError:
        return  # it was there when the task was planned, or was told to be missing
    target = _made_below(root, one.target, kind)
    mounting.bind(one.source, target)
    if one.read_only:
        mounttree.set_read_only(target, devices=one.devices)


def _made_below(root: str, target: str, kind: int) -> str:
    place = made(root, target, kind)
    if place == root:
        # What is mounted there would take in all that is made after it. A link leads there, too.
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), target)
    return place


def _make_devices(root: str) -> None:
    dev = made(root, _DEV, stat.S_IFDIR)
    mounting.mount_tmpfs(dev, flags=MountFlag.NOSUID | MountFlag.NOEXEC)
    for name in _DEVICES:
        mounting.bind(f"{_DEV}/{name}", made(root, f"{_DEV}/{name}", stat.S_IFCHR))
    for name, target in _DEV_LINKS:
        os.symlink(target, f"{dev}/{name}")
    mounting.mount_tmpfs(made(root, f"{_DEV}/shm", stat.S_IFDIR), 0o1777)
    # In a user namespace without a root of its own the kernel has no terminals for us.
    with contextlib.suppress(OSError):
        data = "newinstance,ptmxmode=0666,mode=0620"
        flags = MountFlag.NOSUID | MountFlag.NOEXEC
        mounting.mount("devpts", made(root, f"{_DEV}/pts", stat.S_IFDIR), "devpts", flags, data)
        os.symlink("pts/ptmx", f"{dev}/ptmx")


def made(root: str, target: str, kind: int) -> str:
    """Return where `target` is below `root`, made as a directory or a file if it is not there.

    Links on the way lead to places below `root`, as they will when it is the root directory.
    """
    here, left, links = root, target.split("/")[::-1], 0
    while left:
        name = left.pop()
        if name in ("", "."):
            continue
        if name == "..":
            here = here if here == root else os.path.dirname(here)
            continue
        path = os.path.join(here, name)
        try:
            link = os.readlink(path)
        except OSError:
            here = path
            if not os.path.lexists(path):
                _make(path, stat.S_IFDIR if left else kind)
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), target)
        here = root if link.startswith("/") else here
        left += link.split("/")[::-1]
    return here


def _make(path: str, kind: int) -> None:
    if kind == stat.S_IFDIR:
        os.mkdir(path, 0o755)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644))
