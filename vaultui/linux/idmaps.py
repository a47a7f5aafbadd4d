"""Who is who in a user namespace: the files of user_namespaces(7).

Without ctypes, which costs the launcher as much as all the rest.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable


def write(
    pid: int | str,
    uids: Iterable[tuple[int, int, int]],
    gids: Iterable[tuple[int, int, int]],
    *,
    setgroups: bool,
) -> None:
    """Write the maps of the user namespace of `pid`, which has none so far.

    Each range is its first id inside, its first outside, and how many they are. Whoever is not
    root can map one id, its own, and must give up setgroups(2) for the group. Raises OSError:
    EPERM for a map that is not allowed, EINVAL for one that makes no sense.
    """
    uids, gids = list(uids), list(gids)
    if uids:
        _put(f"/proc/{pid}/uid_map", _lines(uids))
    if gids:
        # Kernels before 3.19 have no such file, and no such condition.
        with contextlib.suppress(FileNotFoundError):
            _put(f"/proc/{pid}/setgroups", b"allow" if setgroups else b"deny")
        _put(f"/proc/{pid}/gid_map", _lines(gids))


def may_set_groups() -> bool:
    """Return whether our user namespace lets anybody change supplementary groups at all."""
    try:
        descriptor = os.open("/proc/self/setgroups", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        return os.read(descriptor, 16).strip() != b"deny"
    finally:
        os.close(descriptor)


def _lines(ranges: Iterable[tuple[int, int, int]]) -> bytes:
    return b"".join(b"%d %d %d\n" % one for one in ranges)


def _put(path: str, content: bytes) -> None:
    """Write all at once: the kernel takes a map in one write, and only once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
