"""Failures by their number, as the kernel gets them from us."""

from __future__ import annotations

import os
from typing import Final

from vaultui.model.language import N_

_MET: Final = (
    N_("Address already in use"),
    N_("Cannot allocate memory"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Device or resource busy"),
    N_("Directory not empty"),
    N_("Disk quota exceeded"),
    N_("Exec format error"),
    N_("File exists"),
    N_("File name too long"),
    N_("File too large"),
    N_("Function not implemented"),
    N_("Input/output error"),
    N_("Invalid argument"),
    N_("Is a directory"),
    N_("No such device"),
    N_("No such file or directory"),
    N_("No such process"),
    N_("No space left on device"),
    N_("Not a directory"),
    N_("Operation not permitted"),
    N_("Operation not supported"),
    N_("Permission denied"),
    N_("Read-only file system"),
    N_("Stale file handle"),
    N_("Too many levels of symbolic links"),
    N_("Too many open files"),
    N_("Transport endpoint is not connected"),
)
"""The system's words that people meet as a reason: the C library has them in English, unless the
whole process takes a locale, and then logs and `--json` would change with it."""


def os_error(number: int) -> OSError:
    """Return the OSError of an errno, with the system's words for it."""
    return OSError(number, os.strerror(number))


def reason_of(error: OSError) -> str:
    """Return the system's words for a failure, as the reason in an error of ours.

    A failure without a number, as of a blocked stream, has words of Python's.
    """
    return error.strerror or str(error)
