"""Files of a reverse view that no plain file stands behind.

They are nodes like others. Their name on disk starts with a slash, which no real one does,
and goes on with the content; so another content is another entry, and whoever looks it up
gets a new generation. Their device numbers are made up, so that they never are one inode
with a real file.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Final

_MARK: Final = b"/"
_MODE: Final = stat.S_IFREG | 0o444
_LATER_S: Final = 10
"""Virtual files are this much younger than what they belong to, as since gocryptfs 2.5. Those
of older versions could be wrong (its issue 802), and a backup that goes by time and size would
otherwise keep what it copied from them."""
_NS: Final = 1_000_000_000

COMPANIONS: Final = -1 << 64
"""The made-up device of all `.name` files."""
CONF: Final = COMPANIONS - 1
"""The made-up device of the config: also seen as itself, it would be encrypted."""
COVERED: Final = COMPANIONS - 2
"""The made-up device of a file whose name the config has taken."""
_NUMBER_BYTES: Final = 6


def dir_iv_device(device: int) -> int:
    """Return the made-up device for the IVs of directories on `device`, the root's or another."""
    return ~device


def number_ranges(root_device: int) -> dict[int, int]:
    """Return the ranges of inode numbers that virtual files get, the same in each mount.

    The config keeps its own number, and an IV that of its directory, in a range of its own.
    """
    return {CONF: 0, dir_iv_device(root_device): 1, COMPANIONS: 2, COVERED: 3}


def virtual_name(content: bytes) -> bytes:
    """Return the name on disk of a virtual file that holds `content`."""
    return _MARK + content


def is_virtual(cname: bytes) -> bool:
    """Tell whether no plain file stands behind the name on disk `cname`."""
    return cname.startswith(_MARK)


def content_of(cname: bytes) -> bytes:
    """Return what the virtual file `cname` holds."""
    return cname[len(_MARK) :]


def dir_iv_status(directory: os.stat_result) -> os.stat_result:
    """Return the status of the IV of `directory`, whose owner and times it has."""
    return _status(directory, dir_iv_device(directory.st_dev), directory.st_ino, 16)


def companion_status(path: bytes, entry: os.stat_result, size: int) -> os.stat_result:
    """Return the status of the `.name` file at `path` in the view, which belongs to `entry`.

    Its number comes from its path: an entry with two long names has two companions.
    """
    digest = hashlib.sha256(path).digest()[:_NUMBER_BYTES]
    return _status(entry, COMPANIONS, int.from_bytes(digest, "big"), size)


def conf_status(status: os.stat_result) -> os.stat_result:
    """Return the status of the config as it is shown: all its own, but for the device."""
    return _copy(status, stat.S_IFREG | stat.S_IMODE(status.st_mode), CONF, status.st_ino, 1)


def covered_status(status: os.stat_result) -> os.stat_result:
    """Return the status of a file whose name the config has taken."""
    return _copy(status, _MODE, COVERED, status.st_ino, 1)


def _status(source: os.stat_result, device: int, number: int, size: int) -> os.stat_result:
    return _copy(source, _MODE, device, number, 1, size, _LATER_S)


def _copy(
    source: os.stat_result,
    mode: int,
    device: int,
    number: int,
    nlink: int,
    size: int | None = None,
    later_s: int = 0,
) -> os.stat_result:
    return os.stat_result(
        (
            mode,
            number,
            device,
            nlink,
            source.st_uid,
            source.st_gid,
            source.st_size if size is None else size,
            source.st_atime_ns // _NS,
            source.st_mtime_ns // _NS + later_s,
            source.st_ctime_ns // _NS + later_s,
        ),
        {
            "st_atime_ns": source.st_atime_ns,
            "st_mtime_ns": source.st_mtime_ns + later_s * _NS,
            "st_ctime_ns": source.st_ctime_ns + later_s * _NS,
            "st_blksize": source.st_blksize,
            "st_blocks": source.st_blocks,
            "st_rdev": 0,
        },
    )
