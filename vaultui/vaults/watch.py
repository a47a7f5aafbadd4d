"""Noticing that the state of a vault, or the list of vaults, may have changed."""

from __future__ import annotations

import select
from typing import Self

from vaultui.linux.inotify import DirectoryWatch
from vaultui.linux.mountinfo import MountWatch
from vaultui.vaults.paths import Paths


class Watch:
    """One descriptor over the mount table, the settings file and the run files of all vaults.

    Readable when something changed, or when a backend has noted an event: it touches its control
    socket then. `consume` it, then look. Counters and countdowns change without a word, and so
    does a drive that stops answering: they want a clock.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._mounts = MountWatch()
        self._directories = DirectoryWatch()
        self._epoll = select.epoll()
        self._epoll.register(self._mounts.fileno(), select.EPOLLIN)
        self._epoll.register(self._directories.fileno(), select.EPOLLIN)
        self._add_directories()

    def fileno(self) -> int:
        return self._epoll.fileno()

    def consume(self) -> None:
        """Take note of the changes so far. Call it before looking, so that none is missed."""
        self._mounts.consume()
        self._directories.consume()
        self._add_directories()

    def close(self) -> None:
        self._epoll.close()
        self._mounts.close()
        self._directories.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add_directories(self) -> None:
        """Watch what is there; run directories come with the first unlock of their vault."""
        self._directories.add(self._paths.config_file.parent)
        if self._directories.add(self._paths.runtime_dir):
            for run_dir in self._paths.runtime_dir.iterdir():
                if run_dir.is_dir():
                    self._directories.add(run_dir)
