"""Renames where the disk may have a later change and not an earlier one.

So it is on sticks with FAT or exFAT, which have no journal, and perhaps on servers. Of what is new
there and was not synced any part may be lost. But a file that was synced is to stay, under
its old name or under the new one: what the new one depends on has to be on the disk before the
rename, and the rename before the old companion goes.

Nor does syncfs(2) say much there: for most FUSE file systems it does nothing, and succeeds.
"""

from __future__ import annotations

import os
import sys

from vaultui.cipherfs.durability import Durability
from vaultui.cipherfs.inodes import Node
from vaultui.cipherfs.syncjob import PathSync
from vaultui.linux.atcalls import syncfs


class OrderlessDurability(Durability):
    """Has renames wait for the disk where names depend on something new, or did so."""

    _remembered = 256
    _one_by_one = sys.maxsize

    def before_rename(self, parent: Node) -> None:
        """Sync what new names in `parent` depend on, if there is any; raises OSError."""
        self._sync(parent, always=False)

    def after_rename(self, parent: Node) -> None:
        """Sync the directory `parent`; raises OSError."""
        self._sync(parent, always=True)

    def _sync_all(self) -> None:
        self._take_up()
        job = PathSync(self._finished, self._one_by_one)
        for node in list(self._unsynced):
            self._add(job, node, set(node.unsynced or ()))
        job.then(os.dup(self._root_fd()), data_only=False)
        job()
        self._take_up()
        # What could not be entered any more is gone.
        for node in list(self._unsynced):
            self.forget(node)

    def _sync(self, parent: Node, *, always: bool) -> None:
        job = self.before_directory(parent)
        if not (always or job.is_due):
            return
        directory = self._directories.enter(parent)
        if directory.readable:
            job.then(os.dup(directory.fd), data_only=False)
            job()
        else:
            syncfs(self._root_fd())

    def _root_fd(self) -> int:
        directory = self._inodes.root.directory
        assert directory is not None
        return directory.fd
