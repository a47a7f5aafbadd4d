"""Failures by their number, as the kernel gets them from us."""

from __future__ import annotations

import os


def os_error(number: int) -> OSError:
    """Return the OSError of an errno, with the system's words for it."""
    return OSError(number, os.strerror(number))


def reason_of(error: OSError) -> str:
    """Return the system's words for a failure, as the reason in an error of ours.

    A failure without a number, as of a blocked stream, has words of Python's.
    """
    return error.strerror or str(error)
