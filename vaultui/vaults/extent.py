"""How much there is in a cipher directory: for a progress bar, and for whoever wants to know."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import dataclass
from typing import Final

from vaultui.vaults.discovery import CONF, REVERSE_CONF
from vaultui.vaults.waiting import in_thread

_OWN_FILES: Final = frozenset({CONF, REVERSE_CONF, "gocryptfs.diriv"})
"""Files of the volume's own, which are nobody's content; and those of long names:"""
_NAME_OF: Final = ".name"


@dataclass(frozen=True)
class Extent:
    """Counts of a tree; what cannot be read is not in them."""

    files: int
    bytes: int
    """Sizes on their encrypted side, which are a little greater."""


async def extent_of(cipherdir: str) -> Extent:
    """Return how many files there are in a cipher directory, and their sizes together.

    Takes as long as listing all of it; cancelling ends the counting.
    """
    given_up = threading.Event()
    try:
        return await in_thread(_count, cipherdir, given_up)
    finally:
        given_up.set()


def _count(cipherdir: str, given_up: threading.Event) -> Extent:
    files = size = 0
    pending = [cipherdir]
    while pending and not given_up.is_set():
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.name in _OWN_FILES or entry.name.endswith(_NAME_OF):
                        continue
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(entry.path)
                    elif stat.S_ISREG(status.st_mode):
                        files += 1
                        size += status.st_size
        except OSError:
            continue  # it went away, or may not be read: whoever reads all of it will tell
    return Extent(files, size)
