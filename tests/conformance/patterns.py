"""Content and calls that several checks use."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

BLOCK = 4096
"""Plaintext bytes of one encrypted block: where partial writes become interesting."""

RENAME_NOREPLACE = 1
RENAME_EXCHANGE = 2

_libc = ctypes.CDLL(None, use_errno=True)


def content(size: int, seed: int = 0) -> bytes:
    """Return `size` bytes without a pattern, the same ones for the same seed."""
    return random.Random(seed).randbytes(size)


def renameat2(source: Path, target: Path, flags: int) -> None:
    """Rename with the flags of renameat2(2), which os.rename does not have."""
    at_cwd = -100
    if _libc.renameat2(at_cwd, os.fsencode(source), at_cwd, os.fsencode(target), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def opened(path: Path, flags: int, mode: int = 0o644) -> Iterator[int]:
    """Open a bare descriptor for a while, close-on-exec and without Python's buffers."""
    descriptor = os.open(path, flags | os.O_CLOEXEC, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def fails_with(*numbers: int) -> Iterator[None]:
    """Expect an OSError with one of the numbers."""
    with pytest.raises(OSError) as caught:
        yield
    found = caught.value.errno
    names = " or ".join(errno.errorcode[number] for number in numbers)
    assert found in numbers, f"{errno.errorcode.get(found or 0, found)}, not {names}"


@contextlib.contextmanager
def allowed(number: int) -> Iterator[None]:
    """Let an OSError with that number pass for a success."""
    try:
        yield
    except OSError as error:
        if error.errno != number:
            raise
