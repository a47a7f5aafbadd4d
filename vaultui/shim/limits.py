"""Limits of one process, getrlimit(2)."""

from __future__ import annotations

import errno
import resource

from vaultui.wire.attributes import Rlimit


def set_limit(limit: Rlimit) -> None:
    """Set a limit; raises OSError: EPERM above what is allowed, EINVAL for what can't be."""
    number = getattr(resource, f"RLIMIT_{limit.name.upper()}", None)
    if number is None:
        raise OSError(errno.EINVAL, f"there is no limit {limit.name}")
    try:
        # As setrlimit, which would raise ValueError for a limit that is not allowed as well.
        resource.prlimit(0, number, (limit.soft, limit.hard))
    except ValueError as error:
        raise OSError(errno.EINVAL, f"{limit.name}: {error}") from error


def set_open_files(wanted: int) -> None:
    """Set the soft limit of open files, at most to the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
