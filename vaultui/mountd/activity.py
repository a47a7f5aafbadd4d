"""What the data plane counts and the control plane reads.

Written by the data plane's thread alone, one plain assignment at a time; the control plane
reads single values, so nothing is locked. A reader may see a count that is one behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

_BOOTTIME = time.CLOCK_BOOTTIME


class Touch(Enum):
    """What a request says about somebody using the vault."""

    NONE = 0
    """Housekeeping of the kernel: forget, release, statfs."""
    LOOK = 1
    """Looking at names and attributes: activity for gocryptfs's idle monitor, not for ours."""
    USE = 2
    """Opening, listing, changing: activity for both."""
    DATA = 3
    """Reading and writing through an open handle: activity for ours; gocryptfs sees the
    open file instead."""


def boottime() -> float:
    """Return seconds on the clock that goes on while the machine sleeps."""
    return time.clock_gettime(_BOOTTIME)


class Activity:
    """Counters of one mount, and when it was used last."""

    __slots__ = (
        "bring_up_to_date",
        "bytes_read",
        "bytes_written",
        "last_use",
        "open_files",
        "operations",
        "path_operations",
    )

    def __init__(self) -> None:
        self.bring_up_to_date: Callable[[], None] = lambda: None
        """Has a hot path tell what it has counted, which else may be some requests behind."""
        self.bytes_read = 0
        self.bytes_written = 0
        self.open_files = 0
        """File handles that are open now; listed directories do not count."""
        self.operations: dict[str, int] = {}
        self.path_operations = 0
        """LOOK and USE requests so far."""
        self.last_use = boottime()
        """When the last USE or DATA request began."""
