"""How much memory a derivation may take.

The machine is asked for what it has. What else limits this process, such as the control group
of a container, takes more looking than keyed work does: mountd puts its own answer here.
"""

from __future__ import annotations

import os
from collections.abc import Callable


def of_machine() -> int:
    """Return the bytes of memory that this machine has."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


limit: Callable[[], int] = of_machine
"""Bytes: from there on a derivation is refused."""
