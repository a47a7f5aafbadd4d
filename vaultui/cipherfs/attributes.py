"""What the file system tells about an inode, and what it is asked to change of one."""

from __future__ import annotations

import os
from dataclasses import dataclass

from vaultui.model.ids import InodeNo


class Attributes:
    """The attributes of one inode as the kernel is to see them.

    Made for every lookup and every entry of a listing, so it holds the backing `stat`
    instead of copying its thirteen fields: a caller in a hurry reads `stat` directly and
    takes only `ino`, `generation` and `size`, which differ from the backing file, from here.
    """

    __slots__ = ("generation", "ino", "size", "stat")

    def __init__(self, ino: InodeNo, generation: int, size: int, stat: os.stat_result) -> None:
        self.ino = ino
        self.generation = generation
        self.size = size
        """Of the plaintext, in bytes; of a directory, that of the backing one."""
        self.stat = stat
        """Of the backing file: its st_ino and st_size are ciphertext matters."""

    @property
    def mode(self) -> int:
        """Type and permission bits."""
        return self.stat.st_mode

    @property
    def nlink(self) -> int:
        return self.stat.st_nlink

    @property
    def uid(self) -> int:
        return self.stat.st_uid

    @property
    def gid(self) -> int:
        return self.stat.st_gid

    @property
    def rdev(self) -> int:
        return self.stat.st_rdev

    @property
    def blksize(self) -> int:
        return self.stat.st_blksize

    @property
    def blocks(self) -> int:
        """Space on disk in units of 512 bytes, of the ciphertext."""
        return self.stat.st_blocks

    @property
    def atime_ns(self) -> int:
        return self.stat.st_atime_ns

    @property
    def mtime_ns(self) -> int:
        return self.stat.st_mtime_ns

    @property
    def ctime_ns(self) -> int:
        return self.stat.st_ctime_ns

    def __repr__(self) -> str:
        return f"Attributes(ino={self.ino}, mode={self.mode:o}, size={self.size})"


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """What setattr changes; None leaves a thing as it is."""

    mode: int | None = None
    """Permission bits; bits of the type are ignored."""
    uid: int | None = None
    gid: int | None = None
    size: int | None = None
    """Of the plaintext, in bytes."""
    atime_ns: int | None = None
    mtime_ns: int | None = None
