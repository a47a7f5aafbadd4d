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
from itertools import islice
from typing import Final

from vaultui.cipherfs.durability import Durability
from vaultui.cipherfs.inodes import Node
from vaultui.cipherfs.syncjob import PathSync
from vaultui.format.names import companion, is_long

_AT_ONCE: Final = 128
"""Directories. That many a sync holds open, and that many are synced to make room for others."""


class OrderlessDurability(Durability):
    """Has renames wait for the disk where names depend on something new, or did so."""

    _one_by_one = sys.maxsize

    def before_rename(self, parent: Node, cname: bytes) -> None:
        """Sync what the name `cname` in `parent` depends on, if that is new; raises OSError."""
        job = self.before_file(parent)
        if is_long(cname):
            self._add(job, parent, {companion(cname)})
        if job.directories:
            self._sync(job, parent)

    def after_rename(self, parent: Node) -> None:
        """Sync the directory `parent`; raises OSError."""
        self._sync(self.before_file(parent), parent)

    def _make_room(self) -> None:
        self._take_up()
        oldest = list(islice(self.unsynced, _AT_ONCE))
        job = PathSync(self._finished, self._one_by_one)
        for node in oldest:
            self._add(job, node, set(node.unsynced or ()))
        self._run(job)
        self._take_up()
        # What could not be entered any more is gone.
        for node in oldest:
            self.forget(node)

    def _add(self, job: PathSync, node: Node, needed: set[bytes]) -> None:
        if job.directories < _AT_ONCE:
            super()._add(job, node, needed)
            return
        at_once = PathSync(self._finished, self._one_by_one)
        super()._add(at_once, node, needed)
        self._run(at_once)

    def _run(self, job: PathSync) -> None:
        """Run a job that is to sync nothing but what was added to it."""
        root = self._inodes.root.directory
        assert root is not None
        job.then(os.dup(root.fd), data_only=False)
        job()

    def _sync(self, job: PathSync, parent: Node) -> None:
        """Run a job, and sync the directory `parent`."""
        directory = self._directories.enter(parent)
        if directory.readable:
            job.then(os.dup(directory.fd), data_only=False)
            job()
        else:
            job.add(parent, -1, {})  # has all be synced
            self._run(job)
