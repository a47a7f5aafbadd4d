"""The files of a volume as they lie in its cipher directory, and changing them behind its back."""

from __future__ import annotations

import os
from pathlib import Path

HEADER = 18
"""Bytes of ciphertext before the first block of a file."""
IV_NAME = "gocryptfs.diriv"


def places_by_inode(cipherdir: Path) -> dict[int, Path]:
    """Return where each inode lies: an entry of the mount and its ciphertext have one number."""
    return {
        os.lstat(path).st_ino: Path(path)
        for top, folders, files in os.walk(cipherdir)
        for path in (os.path.join(top, name) for name in folders + files)
    }


def rewrite(path: Path, data: bytes) -> None:
    """Give a file other content and the same attributes otherwise, also where it is read-only."""
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(mode)


def swap(one: Path, other: Path) -> None:
    """Exchange two entries."""
    spare = one.with_name("spare")
    one.rename(spare)
    other.rename(one)
    spare.rename(other)
