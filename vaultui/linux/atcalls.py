"""System calls on descriptors: those that the os module lacks, and what is made of them."""

from __future__ import annotations

import ctypes
import os
from typing import Final

from vaultui.linux import libc

RENAME_NOREPLACE: Final = 1
RENAME_EXCHANGE: Final = 2
RENAME_WHITEOUT: Final = 4

EXT_MAGIC: Final = 0xEF53
"""ext2, ext3 and ext4."""
TMPFS_MAGIC: Final = 0x01021994
BTRFS_MAGIC: Final = 0x9123683E
XFS_MAGIC: Final = 0x58465342
F2FS_MAGIC: Final = 0xF2F52010
LOCAL_MAGICS: Final = frozenset(
    {
        EXT_MAGIC,
        XFS_MAGIC,
        BTRFS_MAGIC,
        F2FS_MAGIC,
        TMPFS_MAGIC,
        0x2FC12FC1,  # zfs
        0xCA451A4E,  # bcachefs
    }
)
"""File systems of this machine's own disks, as `filesystem_magic` answers them. From
linux/magic.h, and for zfs and bcachefs from their sources."""
ORDERED_MAGICS: Final = frozenset({EXT_MAGIC, XFS_MAGIC, F2FS_MAGIC, TMPFS_MAGIC})
"""File systems that keep the order of changes of names, and content that was written back before
one of them. ext2 does not, and cannot be told apart."""
IN_PLACE_MAGICS: Final = frozenset({EXT_MAGIC, TMPFS_MAGIC})
"""File systems that write over bytes where they are, which takes no space. Not xfs, where files
may share theirs until one is written to (ioctl_ficlone(2))."""

_FALLOC_FL_KEEP_SIZE = 1
_SYNC_FILE_RANGE_WRITE = 2
_SYNC_FILE_RANGE_WRITE_AND_WAIT = 7

_fallocate = libc.function("fallocate", ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
_renameat2 = libc.function(
    "renameat2", ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint
)
_sync_file_range = libc.function(
    "sync_file_range", ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint
)
_syncfs = libc.function("syncfs", ctypes.c_int)


class _StatFs(ctypes.Structure):
    """struct statfs: only its first word is read; the rest is room for the kernel."""

    _fields_ = (("f_type", ctypes.c_long), ("rest", ctypes.c_char * 248))


_fstatfs = libc.function("fstatfs", ctypes.c_int, ctypes.POINTER(_StatFs))


def fallocate_keep_size(fd: int, offset: int, length: int) -> None:
    """Reserve space for a range of bytes without changing the size that the file shows.

    Raises OSError: ENOSPC, EDQUOT, or EOPNOTSUPP where the file system can't do it.
    """
    _fallocate(fd, _FALLOC_FL_KEEP_SIZE, offset, length)


def renameat2(old_dir: int, old: bytes, new_dir: int, new: bytes, flags: int) -> None:
    """Rename with flags; EINVAL for those that the file system does not support."""
    _renameat2(old_dir, old, new_dir, new, flags)


def rename(old_dir: int, old: bytes, new_dir: int, new: bytes, flags: int = 0) -> None:
    """Rename as `renameat2` does; without flags also where there is no such call."""
    if flags:
        renameat2(old_dir, old, new_dir, new, flags)
    else:
        os.rename(old, new, src_dir_fd=old_dir, dst_dir_fd=new_dir)


def exists(directory: int, name: bytes) -> bool:
    """Tell whether a directory has an entry of that name, whatever it is."""
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def start_writeback(fd: int) -> None:
    """Make the kernel begin to write the file's dirty pages now; returns without waiting."""
    _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE)


def write_back(fd: int) -> None:
    """Write the file's dirty pages out and wait for it.

    The disk may have them in its cache alone, and what says where they lie is for the file
    system to write; but an entry that is made now will not be on the disk without them.
    """
    _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE_AND_WAIT)


def syncfs(fd: int) -> None:
    """Write out everything of the file system that holds `fd`, and wait for it."""
    _syncfs(fd)


def filesystem_magic(fd: int) -> int:
    """Return the type of the file system that holds `fd`, as linux/magic.h numbers them."""
    answer = _StatFs()
    _fstatfs(fd, ctypes.byref(answer))
    return int(answer.f_type) & 0xFFFFFFFF
