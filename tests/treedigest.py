"""A whole file tree as a value, so that two trees can be compared and their difference read."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    """All that must survive of one name. Fields that a kind does not have are empty."""

    kind: str
    mode: int
    size: int
    mtime_ns: int
    target: bytes
    xattrs: tuple[tuple[str, bytes], ...]
    hard_link_of: bytes
    """The first path, in sorted order, of the same file; empty for a file with one name."""
    sha256: str


def tree_digest(root: str | bytes | os.PathLike[str], *, times: bool = True) -> dict[bytes, Entry]:
    """Return every name below `root`, and `root` itself as b".", with what is there.

    Sizes of directories are the file system's own affair and are left out, as are extended
    attributes outside of `user.`. With times=False all mtimes are 0.
    """
    top = os.fsencode(root)
    entries: dict[bytes, Entry] = {}
    first_names: dict[tuple[int, int], bytes] = {}
    for path in _walk(top):
        name = os.path.relpath(path, top)
        found = os.lstat(path)
        hard_link_of = b""
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            hard_link_of = first_names.setdefault((found.st_dev, found.st_ino), name)
        regular, link = stat.S_ISREG(found.st_mode), stat.S_ISLNK(found.st_mode)
        entries[name] = Entry(
            kind=_kind(found.st_mode),
            mode=stat.S_IMODE(found.st_mode),
            size=found.st_size if regular or link else 0,
            mtime_ns=found.st_mtime_ns if times else 0,
            target=os.readlink(path) if link else b"",
            xattrs=_user_xattrs(path),
            hard_link_of=hard_link_of,
            sha256=file_digest(path) if regular else "",
        )
    return entries


def difference(left: dict[bytes, Entry], right: dict[bytes, Entry]) -> list[str]:
    """Return one line for each name that is not the same in both, sorted; empty if they agree."""
    lines = []
    for name in sorted(left.keys() | right.keys()):
        ours, theirs = left.get(name), right.get(name)
        if ours == theirs:
            continue
        if ours is None or theirs is None:
            lines.append(f"{name!r}: only on the {'right' if ours is None else 'left'}")
            continue
        lines += [
            f"{name!r}: {field} is {getattr(ours, field)!r} and {getattr(theirs, field)!r}"
            for field in Entry.__dataclass_fields__
            if getattr(ours, field) != getattr(theirs, field)
        ]
    return lines


def file_digest(path: bytes) -> str:
    """Return the SHA-256 of a file's content in hex."""
    digest = hashlib.sha256()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        while chunk := os.read(descriptor, _CHUNK):
            digest.update(chunk)
    finally:
        os.close(descriptor)
    return digest.hexdigest()


def _walk(top: bytes) -> list[bytes]:
    paths = [top]
    for folder, folders, files in os.walk(top, onerror=_raise):
        paths += [os.path.join(folder, name) for name in (*folders, *files)]
    return sorted(paths)


def _raise(error: OSError) -> None:
    raise error  # os.walk drops errors otherwise, and an unreadable tree would look empty


def _kind(mode: int) -> str:
    for test, word in (
        (stat.S_ISREG, "file"),
        (stat.S_ISDIR, "directory"),
        (stat.S_ISLNK, "symlink"),
        (stat.S_ISFIFO, "fifo"),
        (stat.S_ISSOCK, "socket"),
    ):
        if test(mode):
            return word
    return "device"


def _user_xattrs(path: bytes) -> tuple[tuple[str, bytes], ...]:
    names = os.listxattr(path, follow_symlinks=False)
    return tuple(
        (name, os.getxattr(path, name, follow_symlinks=False))
        for name in sorted(names)
        if name.startswith("user.")
    )
