"""Syncs where that of one file may bring out names without what those depend on.

btrfs keeps the order of its changes from one commit to the next. Between them fsync(2) writes a
log of its own, of what was asked for and of names beside it. What it leaves out a power cut
takes away: the IV of a directory that the log tells of, or the companion of a hashed name. So
if IVs or companions have come or gone since the last commit, a sync is one of all, which is a
commit. It takes as long as a few of the log, and programs that write and sync the same
files all the time have none of it.
"""

from __future__ import annotations

from vaultui.cipherfs.inodes import Node
from vaultui.cipherfs.syncjob import SyncJob
from vaultui.linux.atcalls import syncfs


class WholeSyncs:
    """Does what `Durability` does, and need not know what depends on what."""

    unsynced = None
    """What a sync depends on can't be told by directories."""

    def __init__(self) -> None:
        self._changes = 0
        # Set by jobs in other threads. One that is late sets it too low: a commit too many.
        self._committed = 0

    def wrote(self, _node: Node, _name: bytes, *, content_synced: bool = False) -> None:
        self._changes += 1

    def removed(self, _node: Node, _name: bytes) -> None:
        self._changes += 1

    def forget(self, _node: Node) -> None:
        self._changes += 1

    def before_rename(self, _parent: Node, _cname: bytes) -> None:
        """Note the rename: a sync of what lies below it may leave it out of the log."""
        self._changes += 1

    def after_rename(self, _parent: Node) -> None:
        """Nothing: a commit has the rename and what came after it, or neither."""

    def before_file(self, _node: Node) -> SyncJob:
        """Return the job that syncs a file, and all else if it must."""
        return _Job(self)

    def before_directory(self, _node: Node) -> SyncJob:
        """Return the job that syncs a directory, and all else if it must."""
        return _Job(self)

    @property
    def must_commit(self) -> bool:
        """Whether a sync of one file or directory could bring out too little."""
        return self._committed < self._changes

    def commit(self, fd: int) -> None:
        """Write out the file system that holds `fd`. From any thread."""
        changes = self._changes
        syncfs(fd)
        self._committed = changes


class _Job(SyncJob):
    def __init__(self, syncs: WholeSyncs) -> None:
        super().__init__()
        self._syncs = syncs

    def _sync(self, fd: int, *, data_only: bool) -> None:
        if not self._syncs.must_commit:
            super()._sync(fd, data_only=data_only)
            if not self._syncs.must_commit:
                return
            # Something has come meanwhile, and may be in the log by half.
        # Another thread's commit does not do: it may have begun before what this one is for.
        self._syncs.commit(fd)
