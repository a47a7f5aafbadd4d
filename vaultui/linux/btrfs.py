"""What btrfs tells of itself: whether a quota may stop a write that has space on the disk."""

from __future__ import annotations

import contextlib
import fcntl
import uuid
from pathlib import Path
from typing import Final

_FS_INFO: Final = 0x8400941F
"""BTRFS_IOC_FS_INFO of linux/btrfs.h: 1024 bytes, with the UUID behind two numbers of 64 bits."""


def has_quota_limits(fd: int) -> bool:
    """Tell whether any part of the btrfs that `fd` lies on has a limit; False when unknown.

    Quotas that only count, as some distributions have them, stop nobody.
    """
    info = bytearray(1024)
    with contextlib.suppress(OSError, ValueError):
        fcntl.ioctl(fd, _FS_INFO, info)
        groups = Path("/sys/fs/btrfs", str(uuid.UUID(bytes=bytes(info[16:32]))), "qgroups")
        return any(int(flags.read_text()) for flags in groups.glob("*/limit_flags"))
    return False
