"""Noticing that the state of a vault, or the list of vaults, may have changed."""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence
from typing import Self

from vaultui.linux.inotify import DirectoryWatch
from vaultui.linux.mountinfo import Mount, MountWatch, read_mounts
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.observer import FSTYPES
from vaultui.vaults.paths import Paths


class Watch:
    """One descriptor over the mount table, the settings file and the run files of all vaults.

    Readable when something changed, or when a backend has noted an event: it touches its control
    socket then. `consume` it, then look. Counters and countdowns change without a word, and so
    does a drive that stops answering: they want a clock.
    """

    def __init__(
        self, paths: Paths, entries: Callable[[], Sequence[VaultEntry]] = lambda: ()
    ) -> None:
        """`entries` gives the known vaults: what is mounted far from them concerns nobody."""
        self._paths = paths
        self._entries = entries
        self._mounts = MountWatch()
        self._directories = DirectoryWatch()
        self._epoll = select.epoll()
        self._epoll.register(self._mounts.fileno(), select.EPOLLIN)
        self._epoll.register(self._directories.fileno(), select.EPOLLIN)
        self._add_directories()
        self._near = self._near_mounts()

    def fileno(self) -> int:
        return self._epoll.fileno()

    def consume(self) -> bool:
        """Take note of the changes so far. Call it before looking, so that none is missed.

        Return False where nothing changed but mounts which the vaults have nothing to do with, by
        their paths as they are written. Behind a symbolic link they might have: look some time.
        """
        self._mounts.consume()
        before, self._near = self._near, self._near_mounts()
        changed = self._directories.consume()
        self._add_directories()
        return changed or self._near != before

    def _near_mounts(self) -> list[Mount]:
        """Return the mounts that vaults lie on, and all that may be open vaults."""
        entries = self._entries()
        places = [path for entry in entries for path in (entry.cipherdir, entry.mountpoint)]
        return [
            mount
            for mount in read_mounts()
            if mount.fstype in FSTYPES or any(_is_on(place, mount) for place in places)
        ]

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


def _is_on(place: str, mount: Mount) -> bool:
    return place == mount.mountpoint or place.startswith(mount.mountpoint.rstrip("/") + "/")
