"""Failures by their number have the system's class and words; those without one have words, too."""

from __future__ import annotations

import errno
import os

import pytest

from vaultui.linux.errnos import os_error, reason_of


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, FileNotFoundError),
        (errno.EEXIST, FileExistsError),
        (errno.EACCES, PermissionError),
        (errno.ESTALE, OSError),
    ],
)
def test_a_number_makes_the_error_that_the_system_would_raise(
    number: int, kind: type[OSError]
) -> None:
    error = os_error(number)
    assert type(error) is kind
    assert (error.errno, reason_of(error)) == (number, os.strerror(number))


def test_an_error_without_a_number_has_its_own_words() -> None:
    assert reason_of(OSError("write could not complete without blocking")) == (
        "write could not complete without blocking"
    )
