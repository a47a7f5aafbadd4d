"""Attributes as the kernel gets them: how long it believes them, and whose files it sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyfuse3 import EntryAttributes

from vaultui.cipherfs.attributes import Attributes
from vaultui.model.records import record


@record(frozen=True)
class Presentation:
    """How a tree is shown to the kernel."""

    cache_s: float = 1.0
    """How long names and attributes are believed. Others write into the cipher directory
    (sync clients do), and nothing tells us: gocryptfs has the same second."""
    owner: tuple[int, ...] = ()
    """User and group of everything; empty for the real ones."""
    keep_pages: bool = False
    """Cached pages of a file stay over each open, also when the file was changed elsewhere."""

    def entries(self) -> Callable[[Attributes], EntryAttributes]:
        """Return what makes attributes of ours into those of pyfuse3."""
        cache_s = self.cache_s

        def entry(attributes: Attributes) -> EntryAttributes:
            made = EntryAttributes()
            stat = attributes.stat
            made.st_ino = attributes.ino
            made.generation = attributes.generation
            made.attr_timeout = cache_s
            made.entry_timeout = cache_s
            made.st_mode = stat.st_mode
            made.st_nlink = stat.st_nlink
            made.st_uid = stat.st_uid
            made.st_gid = stat.st_gid
            made.st_rdev = stat.st_rdev
            made.st_size = attributes.size
            made.st_blksize = stat.st_blksize
            made.st_blocks = stat.st_blocks
            made.st_atime_ns = stat.st_atime_ns
            made.st_mtime_ns = stat.st_mtime_ns
            made.st_ctime_ns = stat.st_ctime_ns
            return made

        if not self.owner:
            return entry
        uid, gid = self.owner

        def owned(attributes: Attributes) -> EntryAttributes:
            made = entry(attributes)
            made.st_uid, made.st_gid = uid, gid
            return made

        return owned

    def no_entry(self) -> EntryAttributes:
        """Return the answer "no such name", which node id 0 makes one that may be cached."""
        made = EntryAttributes()
        made.st_ino = 0
        made.entry_timeout = self.cache_s
        return made


PLAIN: Final = Presentation()
"""Everything as it is."""
