"""Environment variables that take from a backend what makes it fast: for tests, and for doubts.

Each does so when it is `off`. What a mount shows and what it leaves on the disk is the same.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

HOTPATH: Final = "VAULTFS_HOTPATH"
"""Nothing compiled answers requests."""
CACHES: Final = "VAULTFS_CACHES"
"""Nothing that was seen of the cipher directory is believed the next time, by us or the kernel."""

SWITCHES: Final = (HOTPATH, CACHES)


def is_off(switch: str, environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get(switch) == "off"
