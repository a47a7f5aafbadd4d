"""Whether an ordinary user may have a user namespace here, and what keeps them from it."""

from __future__ import annotations

import errno
import os
from enum import Enum
from pathlib import Path
from typing import Final


class Barrier(Enum):
    """What stands in the way, by the setting of the system that does."""

    NONE = ""
    DEBIAN = "kernel.unprivileged_userns_clone"
    """Debian's own: only root may have them."""
    COUNT = "user.max_user_namespaces"
    """There are as many as there may be, and often that is none."""
    APPARMOR = "kernel.apparmor_restrict_unprivileged_userns"
    """Ubuntu's: they are empty of all rights for programs without a profile that allows them."""
    ELSEWHERE = "elsewhere"
    """No setting tells: as in a container, whose engine keeps its processes from it."""


_SYSCTLS: Final = Path("/proc/sys")


def known_barrier(sysctls: Path = _SYSCTLS) -> Barrier:
    """Return what is sure to stand in the way of an ordinary user, and NONE if nothing is."""
    if _value(sysctls, Barrier.DEBIAN) == 0:
        return Barrier.DEBIAN
    if _value(sysctls, Barrier.COUNT) == 0:
        return Barrier.COUNT
    return Barrier.NONE


def barrier_behind(number: int, sysctls: Path = _SYSCTLS) -> Barrier:
    """Return what was in the way when `unshare` failed with this errno."""
    known = known_barrier(sysctls)
    if known is not Barrier.NONE:
        return known
    if number == errno.ENOSPC:
        return Barrier.COUNT
    if os.geteuid() != 0 and _value(sysctls, Barrier.APPARMOR):
        return Barrier.APPARMOR
    return Barrier.ELSEWHERE


def _value(sysctls: Path, barrier: Barrier) -> int | None:
    """Return a setting; None where this kernel does not have it."""
    try:
        return int(sysctls.joinpath(*barrier.value.split(".")).read_text("ascii"))
    except (OSError, ValueError):
        return None
