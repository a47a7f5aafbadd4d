"""The kernel's mount table, /proc/self/mountinfo; proc_pid_mountinfo(5) has the format.

This is where the state of a mount comes from: a dead FUSE mount is still listed, and
reading the table never touches a mount, so a hung one can't hang the reader.
"""

from __future__ import annotations

import os
import re
import select
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Final, Self

from vaultui.model.records import record

TABLE: Final = "/proc/self/mountinfo"

_MOST_LINKS: Final = 40
"""In one path, as in the kernel (path_resolution(7)): more are taken for a circle."""

_OCTAL = re.compile(rb"\\([0-7]{3})")


@record(frozen=True)
class Mount:
    mount_id: int
    parent_id: int
    device: str
    """"major:minor" of the files on it; for FUSE the minor names the connection, too."""
    root: str
    """The directory within the file system that is shown at the mount point."""
    mountpoint: str
    fstype: str
    """With the subtype: "fuse.vaultfs"."""
    source: str
    options: tuple[str, ...]
    """Of this mount, then of the file system."""

    @property
    def is_fuse(self) -> bool:
        return self.fstype == "fuse" or self.fstype.startswith("fuse.")

    @property
    def minor(self) -> int:
        return int(self.device.partition(":")[2])


def read_mounts() -> list[Mount]:
    """Return all mounts of this mount namespace, in the kernel's order."""
    return [parse_line(line) for line in Path(TABLE).read_bytes().splitlines()]


def parse_line(line: bytes) -> Mount:
    """Return what one line of the table says; raises ValueError for anything else."""
    fields = line.split(b" ")
    try:
        # Six fields, then optional ones until a dash. An empty source is an empty field.
        fstype, source, super_options = fields[fields.index(b"-", 6) + 1 :]
    except ValueError as error:
        raise ValueError(f"not a line of a mount table: {line!r}") from error
    return Mount(
        mount_id=int(fields[0]),
        parent_id=int(fields[1]),
        device=fields[2].decode("ascii"),
        root=_text(fields[3]),
        mountpoint=_text(fields[4]),
        fstype=_text(fstype),
        source=_text(source),
        options=tuple(
            _text(option) for option in (*fields[5].split(b","), *super_options.split(b","))
        ),
    )


def mount_at(path: str | os.PathLike[str], mounts: Iterable[Mount] | None = None) -> Mount | None:
    """Return the topmost mount on `path`, or None.

    Symbolic links in the directories above `path` are followed, `path` itself is not
    looked at: it may be a mount that hangs.
    """
    table = read_mounts() if mounts is None else list(mounts)
    wanted = os.path.abspath(path)
    stack = [mount for mount in table if mount.mountpoint == wanted]
    if not stack:
        resolved = resolve_above(wanted)
        stack = [mount for mount in table if mount.mountpoint == resolved]
    covered = {mount.parent_id for mount in stack}
    tops = [mount for mount in stack if mount.mount_id not in covered]
    return tops[-1] if tops else None


def resolve_above(path: str | os.PathLike[str]) -> str:
    """Return `path` as the mount table would name it, without touching its last part."""
    parent, name = os.path.split(os.path.abspath(path))
    return os.path.join(os.path.realpath(parent), name)


def leads_to(path: str, real: str, mounts: Iterable[Mount] | None = None) -> bool:
    """Return whether an absolute path names `real`, which has no links in it any more.

    Where it leads into a FUSE mount that `real` is not in, it names another directory, and
    nothing there is touched: whoever serves that mount may hang, and we would with it.
    """
    barred = {
        mount.mountpoint
        for mount in (read_mounts() if mounts is None else mounts)
        if mount.is_fuse and not f"{real}/".startswith(f"{mount.mountpoint}/")
    }
    return resolve_outside(path, barred) == real


def resolve_outside(path: str, barred: Container[str]) -> str:
    """Return an absolute path with its links followed, up to the first directory of `barred`.

    That one and what is below it is not looked at, and stands in the result as it was named.
    """
    resolved, left, links = "/", path.split("/")[::-1], 0
    while left:
        name = left.pop()
        if name in ("", "."):
            continue
        if name == "..":
            resolved = os.path.dirname(resolved)
            continue
        here = os.path.join(resolved, name)
        if here in barred:
            return os.path.join(here, *left[::-1])
        try:
            target = os.readlink(here)
        except OSError:
            resolved = here  # no link, or nothing that can be looked at
            continue
        links += 1
        if links > _MOST_LINKS:
            return path
        if target.startswith("/"):
            resolved = "/"
        left += target.split("/")[::-1]
    return resolved


def mounts_of(source: str, mounts: Iterable[Mount] | None = None) -> list[Mount]:
    """Return the FUSE mounts whose source is `source`: for a vault, its cipher directory."""
    table = read_mounts() if mounts is None else mounts
    return [mount for mount in table if mount.is_fuse and mount.source == source]


def mounts_below(path: str, mounts: Iterable[Mount] | None = None) -> list[Mount]:
    """Return the mounts strictly inside `path`; each of them keeps `path` from being unmounted."""
    table = read_mounts() if mounts is None else mounts
    inside = path.rstrip("/") + "/"
    return [mount for mount in table if mount.mountpoint.startswith(inside)]


class MountWatch:
    """Becomes readable when the mount table changed, without a timer.

    The table itself always counts as readable and tells of changes as an exceptional
    condition, which asyncio can't wait for. An epoll of our own waits for exactly that, and
    its descriptor is readable then.
    """

    def __init__(self) -> None:
        self._table = os.open(TABLE, os.O_RDONLY | os.O_CLOEXEC)
        self._epoll = select.epoll()
        self._epoll.register(self._table, select.EPOLLPRI | select.EPOLLERR)
        self.consume()

    def fileno(self) -> int:
        return self._epoll.fileno()

    def consume(self) -> None:
        """Take note of the changes so far: readable again only after the next one.

        Call it before reading the table; a change in between is then told once more, and
        none is missed.
        """
        while self._epoll.poll(0):
            pass

    def close(self) -> None:
        if not self._epoll.closed:
            self._epoll.close()
            os.close(self._table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _text(field: bytes) -> str:
    r"""Return a field with its escapes (\040 for a space) decoded."""
    raw = _OCTAL.sub(lambda match: bytes([int(match[1], 8) & 0xFF]), field)
    return os.fsdecode(raw)
