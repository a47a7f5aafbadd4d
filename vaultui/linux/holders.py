"""Who keeps a mount from being unmounted: the processes that use something on it.

Everything is read from /proc, and nothing here touches the mount, which may hang: links
are read as text, and their mount is told by its id. Processes of other users can't be
looked into without privileges; they are left out.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from vaultui.linux import process
from vaultui.linux.mountinfo import Mount, mount_at
from vaultui.model.records import record

Kind = Literal["cwd", "root", "exe", "open", "map", "task"]
"""What a process holds. A task holds a mount because somebody said so, whatever it uses."""

_DELETED = " (deleted)"


@record(frozen=True)
class Holder:
    pid: int
    command: str
    uid: int
    kind: Kind
    path: str
    """Full path, below the mount point; as it was, when the file has been deleted."""
    start: int = 0
    """`process.start_time` of the pid, so that a signal can't reach another process."""


def find_holders(mountpoint: str | os.PathLike[str]) -> list[Holder]:
    """Return every use of the topmost mount on `mountpoint`, ordered by pid.

    Empty when nothing is mounted there. A process may appear several times, once for each
    thing that it holds.
    """
    mount = mount_at(mountpoint)
    if mount is None:
        return []
    holders = []
    for pid in sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()):
        if not _may_hold(pid, mount):
            continue
        # A process may end, or refuse us, between any two of the reads. What it uses is looked
        # for after its start: a pid that was given to another meanwhile never gets the new one's.
        with contextlib.suppress(OSError):
            start = process.start_time(pid)
            uid = Path(f"/proc/{pid}").stat().st_uid
            uses = dict.fromkeys(_uses(pid, mount))
            command = process.command_name(pid) if uses else ""
            holders += [Holder(pid, command, uid, kind, path, start) for kind, path in uses]
    return holders


def _may_hold(pid: int, mount: Mount) -> bool:
    """Return whether a process is worth a closer look; nearly none of hundreds is.

    Each system call gives the interpreter's lock away, and a thread that is busy may keep it for
    longer than the call takes. So this makes few of them: names only, and no mount ids.
    """
    place = f"/proc/{pid}/"
    inside = (mount.mountpoint, mount.mountpoint.rstrip("/") + "/")
    try:
        # A thread of the kernel and a process that has ended have no program. One that we may not
        # look into refuses this as it would all else: ptrace(2) has the one rule for them.
        links = [os.readlink(f"{place}exe")]
        links += os.readlink(f"{place}cwd"), os.readlink(f"{place}root")
        fds = f"{place}fd"
        for name in os.listdir(fds):
            with contextlib.suppress(OSError):  # closed meanwhile
                links.append(os.readlink(f"{fds}/{name}"))
    except OSError:
        return False
    if any(link.startswith(inside) for link in links):
        return True
    major, _, minor = mount.device.partition(":")
    return b" %02x:%02x " % (int(major), int(minor)) in _maps(pid)


def _maps(pid: int) -> bytes:
    """Return the mappings of a process as proc_pid_maps(5) has them; empty if it refuses."""
    with contextlib.suppress(OSError):
        # Unbuffered and not by a Path, which would ask what it opened twice more.
        fd = os.open(f"/proc/{pid}/maps", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return b"".join(iter(lambda: os.read(fd, 1 << 16), b""))
        finally:
            os.close(fd)
    return b""


def _uses(pid: int, mount: Mount) -> Iterator[tuple[Kind, str]]:
    links: tuple[Kind, ...] = ("cwd", "root", "exe")
    mapped_by_exe = ""
    for kind in links:
        path = _link(f"/proc/{pid}/{kind}")
        if _is_inside(path, mount) and _mount_id_of_link(f"/proc/{pid}/{kind}") == mount.mount_id:
            yield kind, path
            if kind == "exe":
                mapped_by_exe = path
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            path = _link(f"/proc/{pid}/fd/{name}")
            if (
                _is_inside(path, mount)
                and _mount_id(f"/proc/{pid}/fdinfo/{name}") == mount.mount_id
            ):
                yield "open", path
    for path in _mapped(pid, mount):
        if path != mapped_by_exe:
            yield "map", path


def _mapped(pid: int, mount: Mount) -> Iterator[str]:
    """Yield the files of the mount that are mapped; their device is the mount's own."""
    for line in _maps(pid).splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and _device(fields[3]) == mount.device:
            path = os.fsdecode(fields[5]).replace("\\012", "\n")
            if _is_inside(path, mount):
                yield path.removesuffix(_DELETED)


def _link(link: str) -> str:
    """Return the text of a link of /proc; empty when it can't be read."""
    try:
        return os.readlink(link).removesuffix(_DELETED)
    except OSError:
        return ""


def _is_inside(path: str, mount: Mount) -> bool:
    return path == mount.mountpoint or path.startswith(mount.mountpoint.rstrip("/") + "/")


def _mount_id_of_link(link: str) -> int | None:
    """Return the mount that a link of /proc leads to.

    O_PATH asks nothing of the file system; the kernel jumps to the place it has already.
    """
    try:
        fd = os.open(link, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _mount_id(f"/proc/self/fdinfo/{fd}")
    finally:
        os.close(fd)


def _mount_id(fdinfo: str) -> int | None:
    with contextlib.suppress(OSError):
        for line in Path(fdinfo).read_bytes().splitlines():
            if line.startswith(b"mnt_id:"):
                return int(line[7:])
    return None


def _device(field: bytes) -> str:
    """Return "major:minor" in decimal, as the mount table has it; maps has it in hexadecimal."""
    major, _, minor = field.partition(b":")
    return f"{int(major, 16)}:{int(minor, 16)}"
