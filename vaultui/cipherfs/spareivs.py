"""IVs that are on the disk before there is a directory for them.

A directory whose IV is not on the disk yet when the power is cut can never be listed again, and
to wait for the disk in each mkdir would take longer than all else in it. So a few IVs lie ready:
files without a name (O_TMPFILE), written and synced by a thread of their own. Giving one of
them to a new directory is a hard link, which reaches the disk with the directory or not at all.

Nobody sees the spare ones, and the kernel removes those that are left, after a crash too.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections import deque
from typing import Final

from vaultui.cipherfs.metadata import MODE, new_dir_iv
from vaultui.format.names import DIR_IV_NAME
from vaultui.linux.atcalls import start_writeback

STOCK: Final = 32
"""Files. Their syncs take some ten milliseconds together, as the first brings out them all."""
_LOW: Final = 16
_PATIENCE_S: Final = 1.0
"""A disk that hangs must not keep anybody from closing the volume."""
_PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})
"""What a later attempt may not meet; all else stays, as where no file can be without a name."""


class SpareIvs:
    """The spare IVs of one cipher directory. For one thread, but for the one that it starts."""

    def __init__(self, root_fd: int, *, wanted: bool) -> None:
        """`root_fd` stays the caller's. Without `wanted` there are never any."""
        self._root_fd = root_fd
        # The other thread appends to it, for which a deque needs no lock.
        self._spare: deque[int] = deque()
        self._work: threading.Thread | None = None
        self._wanted = wanted

    def give(self, directory_fd: int) -> bool:
        """Give a directory an IV that is on the disk; False where there is none to be had."""
        if len(self._spare) < _LOW and self._wanted:
            self._fill_up()
        try:
            fd = self._spare.popleft()
        except IndexError:
            return False
        try:
            os.link(
                f"/proc/self/fd/{fd}", DIR_IV_NAME, dst_dir_fd=directory_fd, follow_symlinks=True
            )
        except OSError:
            # A directory on another device, or of another quota: link(2) says EXDEV.
            return False
        finally:
            os.close(fd)
        return True

    def close(self) -> None:
        """Drop all that are left."""
        self._wanted = False
        if self._work is not None:
            self._work.join(_PATIENCE_S)
        while self._spare:
            os.close(self._spare.pop())

    def _fill_up(self) -> None:
        if self._work is None or not self._work.is_alive():
            root_fd = os.dup(self._root_fd)
            self._work = threading.Thread(
                target=self._make, args=(root_fd,), name="spare-ivs", daemon=True
            )
            self._work.start()

    def _make(self, root_fd: int) -> None:
        made: list[int] = []
        try:
            while self._wanted and len(self._spare) + len(made) < STOCK:
                fd = os.open(b".", os.O_TMPFILE | os.O_WRONLY, MODE, dir_fd=root_fd)
                made.append(fd)
                os.write(fd, new_dir_iv())
                with contextlib.suppress(OSError):
                    start_writeback(fd)
            while made:
                os.fsync(made[-1])
                self._spare.append(made.pop())
        except OSError as error:
            # Nobody is told: the mkdir that needs the disk will say it.
            if error.errno not in _PASSING:
                self._wanted = False
        finally:
            for fd in (*made, root_fd):
                os.close(fd)
