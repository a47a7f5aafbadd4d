"""Space on disk: reserved before a write, so that a full disk is met before any damage.

Reserving takes longer than the write itself. It is left out for what only makes a file
longer, as long as the file system has far more free space than anybody can fill until the next
look at it: should such a write fail all the same (a quota), cutting the file to its
old end undoes it. A range inside a file is always reserved unless it is known to be allocated.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Final

from vaultui.cipherfs.openfiles import OpenFile
from vaultui.linux import btrfs
from vaultui.linux.atcalls import BTRFS_MAGIC, fallocate_keep_size, filesystem_magic

PLENTY: Final = 4 << 30
"""Bytes. Below this much free space everything is reserved."""
_LOOK_EVERY_S: Final = 1.0
_UNSUPPORTED: Final = frozenset({errno.EOPNOTSUPP, errno.ENOSYS})


class Space:
    """Reserves ranges of ciphertext files. For one thread at a time for each file."""

    def __init__(self, *, prealloc: bool) -> None:
        self._prealloc = prealloc
        self._unsupported: dict[int, bool] = {}
        """By device: file systems that can't reserve, or where it does harm."""
        self._limited: dict[int, bool] = {}
        """By device: file systems that may stop a write although there is space."""
        self._looked_at = 0.0
        self._device = -1
        self._budget = 0

    def before_write(self, file: OpenFile, fd: int, start: int, stop: int, end: int) -> None:
        """Make sure of space for the bytes from `start` to `stop` of a file that ends at `end`.

        Raises OSError ENOSPC or EDQUOT with the file unchanged.
        """
        if stop <= file.allocated or not self._prealloc:
            return
        if file.allocated < end or not self._is_plenty(file.node.key[0], fd, stop - start):
            self._reserve(file, fd, start, stop, end)
        if start <= file.allocated:
            file.allocated = stop

    def _reserve(self, file: OpenFile, fd: int, start: int, stop: int, end: int) -> None:
        device = file.node.key[0]
        if device not in self._unsupported:
            # A reserved extent of btrfs is written once in place and then copied on each
            # further write, with its space kept: reserving there costs space for good. But
            # over quota it neither writes nor cuts, and what stopped halfway can't be undone.
            self._unsupported[device] = filesystem_magic(fd) == BTRFS_MAGIC and not (
                self._has_limits(device, fd)
            )
        if self._unsupported[device]:
            return
        try:
            fallocate_keep_size(fd, start, stop - start)
        except OSError as error:
            if error.errno in _UNSUPPORTED:
                self._unsupported[device] = True
                return
            if stop > end:
                # A part may have been reserved beyond the end; it goes with a truncation to
                # the size that the file has.
                os.ftruncate(fd, end)
            raise

    def _has_limits(self, device: int, fd: int) -> bool:
        if device not in self._limited:
            self._limited[device] = btrfs.has_quota_limits(fd)
        return self._limited[device]

    def _is_plenty(self, device: int, fd: int, size: int) -> bool:
        now = time.monotonic()
        self._budget -= size
        if self._budget < 0 or device != self._device or now - self._looked_at > _LOOK_EVERY_S:
            status = os.fstatvfs(fd)
            free = status.f_bavail * status.f_frsize
            is_plenty = free >= PLENTY and not self._has_limits(device, fd)
            self._budget = free // 4 if is_plenty else 0
            self._device = device
            self._looked_at = now
        return self._budget > size
