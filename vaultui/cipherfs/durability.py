"""IVs and companions reach the disk before, or with, what cannot be read without them.

gocryptfs syncs neither, so that a power cut soon after `mkdir` and an fsync of the parent
leaves a directory with an empty IV, whose content nobody can name (its issue 1033). Syncing each
as it is made would take a disk flush for each directory. Instead

- their content is handed to the disk before there is an entry that depends on it (see
  `spareivs` and `metadata`), so that a file system that keeps the order of its changes, as
  those with a journal do, never shows the one without the other; and
- each is remembered until it is synced. An fsync of a file first syncs what the names on
  its path depend on; an fsync of a directory also the companions in it and the IVs of the
  directories in it. The callers of fsync get what they ask for, and nobody else waits.

That a file system keeps its order is not true of all: see `wholesyncs` and `orderless`.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from typing import ClassVar, Final

from vaultui.cipherfs.cipherdir import Directories
from vaultui.cipherfs.inodes import FreshFile, Inodes, Node
from vaultui.cipherfs.syncjob import PathSync, SyncedFiles
from vaultui.format.names import DIR_IV_NAME, companion, is_long
from vaultui.linux.atcalls import syncfs


class Durability:
    """Remembers the files that must be synced before something else counts as durable."""

    _remembered: ClassVar[int] = 8192
    """Directories. Beyond it everything is synced, which is rare and takes one flush."""
    _one_by_one: ClassVar[int] = 32
    """Files. Syncing more than this is left to syncfs(2)."""

    def __init__(self, inodes: Inodes, directories: Directories) -> None:
        self._inodes = inodes
        self._directories = directories
        self.unsynced: Final[dict[Node, None]] = {}
        """Directories with files that are not known to be on the disk."""
        # Jobs run in other threads; what they did is taken up by the thread that owns the
        # nodes. A deque is safe for that (its documentation promises it).
        self._finished: deque[SyncedFiles] = deque()

    def wrote(self, node: Node, name: bytes, *, content_synced: bool = False) -> None:
        """Note that `name` is new in the directory `node`.

        With `content_synced` it was synced before it had the name: to sync the directory is
        enough then, fsync(2).
        """
        if node.unsynced is None:
            if len(self.unsynced) >= self._remembered:
                self._make_room()
            node.unsynced = {}
            self.unsynced[node] = None
        node.unsynced[name] = FreshFile(content_synced=content_synced)

    def removed(self, node: Node, name: bytes) -> None:
        """Note that `name` is no longer in the directory `node`."""
        if node.unsynced is not None:
            node.unsynced.pop(name, None)
            self._settle(node)

    def forget(self, node: Node) -> None:
        """Note that the directory `node` was removed."""
        if node.unsynced is not None:
            node.unsynced.clear()
            self._settle(node)

    def before_rename(self, _parent: Node, _cname: bytes) -> None:
        """Nothing: where names have an order, a rename is not kept without what came before."""

    def after_rename(self, _parent: Node) -> None:
        """Nothing: the removal of a companion is not kept without the rename before it."""

    def before_file(self, node: Node) -> PathSync:
        """Return the job that syncs what the names on the path of `node` depend on."""
        job = PathSync(self._finished, self._one_by_one)
        if self.unsynced:
            self._take_up()
            self._add_path(job, node)
        return job

    def before_directory(self, node: Node) -> PathSync:
        """Return the job for the path of `node`, the names in it, and the IVs one level down."""
        job = PathSync(self._finished, self._one_by_one)
        if self.unsynced:
            self._take_up()
            self._add_path(job, node)
            self._add(job, node, set(node.unsynced or ()))
            for other in list(self.unsynced):
                if other.parent is node:
                    self._add(job, other, {DIR_IV_NAME})
        return job

    def _add_path(self, job: PathSync, node: Node) -> None:
        below = node
        above = node.parent
        if node.is_directory:
            self._add(job, node, {DIR_IV_NAME})
        while above is not None:
            needed = {DIR_IV_NAME}
            if is_long(below.cname):
                needed.add(companion(below.cname))
            self._add(job, above, needed)
            below, above = above, above.parent

    def _add(self, job: PathSync, node: Node, needed: set[bytes]) -> None:
        if node.unsynced and (found := node.unsynced.keys() & needed):
            files = {name: node.unsynced[name] for name in found}
            # A directory that is gone by now needs nothing.
            with contextlib.suppress(OSError):
                job.add(node, self._descriptor(job, node), files)

    def _descriptor(self, job: PathSync, node: Node) -> int:
        """Return a new descriptor of a directory, or -1 where the job has to do without."""
        if job.wants_descriptor(node):
            directory = self._directories.enter(node)
            if directory.readable:
                return os.dup(directory.fd)
        return -1

    def _take_up(self) -> None:
        while self._finished:
            node, files = self._finished.popleft()
            if node.unsynced is not None:
                for name, file in files.items():
                    # It may have been made anew since the job began.
                    if node.unsynced.get(name) is file:
                        del node.unsynced[name]
                self._settle(node)

    def _settle(self, node: Node) -> None:
        if not node.unsynced:
            node.unsynced = None
            self.unsynced.pop(node, None)
            self._inodes.drop_if_unused(node)

    def _make_room(self) -> None:
        """Sync, so that there is less to remember."""
        # Directories on other devices below the cipher directory are synced by themselves.
        devices: dict[int, int] = {}
        for node in self.unsynced:
            if node.key[0] not in devices:
                with contextlib.suppress(OSError):
                    directory = self._directories.enter(node)
                    if directory.readable:
                        devices[node.key[0]] = directory.fd
        for fd in devices.values():
            syncfs(fd)
        for node in list(self.unsynced):
            self.forget(node)
