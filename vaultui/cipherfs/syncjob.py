"""Syncs that were asked for, to be done apart from the thread that owns the nodes."""

from __future__ import annotations

import os
from collections import deque

from vaultui.cipherfs.inodes import FreshFile, Node
from vaultui.linux.atcalls import syncfs

FreshFiles = dict[bytes, FreshFile]
SyncedFiles = tuple[Node, FreshFiles]
"""A directory, and the files in it that are on disk now."""


class SyncJob:
    """A sync that is ready to be called once, in any thread: it has descriptors of its own."""

    def __init__(self) -> None:
        self._last: tuple[int, bool] | None = None

    def then(self, fd: int, *, data_only: bool) -> None:
        """Say what the sync is of; `fd` becomes the job's."""
        self._last = (fd, data_only)

    def __call__(self) -> None:
        """Sync it; raises the first OSError. Touches nothing that another thread uses."""
        assert self._last is not None
        fd, data_only = self._last
        try:
            self._sync(fd, data_only=data_only)
        finally:
            os.close(fd)

    def _sync(self, fd: int, *, data_only: bool) -> None:
        (os.fdatasync if data_only else os.fsync)(fd)


class PathSync(SyncJob):
    """Syncs files in directories, and those directories, before what is asked for."""

    def __init__(self, finished: deque[SyncedFiles], one_by_one: int) -> None:
        """What was synced is appended to `finished`.

        More than `one_by_one` files are synced with everything else, by syncfs(2).
        """
        super().__init__()
        self._finished = finished
        self._one_by_one = one_by_one
        self._directories: list[tuple[Node, int, FreshFiles]] = []
        self._devices: dict[int, int] = {}
        self._files = 0

    def wants_descriptor(self, node: Node) -> bool:
        """Tell whether `add` needs a descriptor of a directory, of which there may be thousands."""
        return self._files <= self._one_by_one or node.key[0] not in self._devices

    def add(self, node: Node, fd: int, files: FreshFiles) -> None:
        """Sync files in a directory, where their content is not, and the directory.

        `fd` becomes the job's. It is -1 where none is wanted, and where there is none that
        fsync(2) takes: of a directory that may be entered and not read.
        """
        self._directories.append((node, fd, files))
        self._files += len(files)
        if fd >= 0:
            self._devices.setdefault(node.key[0], fd)

    @property
    def directories(self) -> int:
        """How many directories there are to sync before what is asked for."""
        return len(self._directories)

    def _sync(self, fd: int, *, data_only: bool) -> None:
        try:
            if self._files > self._one_by_one or any(at < 0 for _, at, _ in self._directories):
                for on_device in {os.fstat(fd).st_dev: fd, **self._devices}.values():
                    syncfs(on_device)
            else:
                self._sync_one_by_one()
            self._finished.extend((node, files) for node, _fd, files in self._directories)
            super()._sync(fd, data_only=data_only)
        finally:
            for _node, directory_fd, _files in self._directories:
                if directory_fd >= 0:
                    os.close(directory_fd)

    def _sync_one_by_one(self) -> None:
        for _node, fd, files in self._directories:
            for name, file in files.items():
                if not file.content_synced:
                    _sync_file(fd, name)
            os.fsync(fd)


def _sync_file(directory_fd: int, name: bytes) -> None:
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory_fd)
    except FileNotFoundError:
        return  # removed since, with what depended on it
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
