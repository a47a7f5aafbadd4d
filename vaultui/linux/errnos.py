"""Failures by their number, as the kernel gets them from us."""

from __future__ import annotations

import os


def os_error(number: int) -> OSError:
    """Return the OSError of an errno, with the system's words for it."""
    return OSError(number, os.strerror(number))
