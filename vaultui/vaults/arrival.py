"""Waiting for the drive that a vault is on: a stick, a disk, a share, a folder that is synced."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import Final, Self

from vaultui.linux.inotify import DirectoryWatch
from vaultui.linux.mountinfo import MountWatch
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.waiting import in_thread, readable

_CONF: Final = "gocryptfs.conf"
_REVERSE_CONF: Final = ".gocryptfs.reverse.conf"


async def until_there(entry: VaultEntry) -> None:
    """Return when a vault's directory and its config can be read; at once where they can.

    The config comes with the drive: an empty mount point is there before.
    """
    config = Path(entry.config_path or str(Path(entry.cipherdir, _conf(entry))))
    with _Surroundings([Path(entry.cipherdir), config]) as surroundings:
        # Watched first and looked at then, so that nothing falls in between.
        surroundings.watch()
        while not await in_thread(_is_there, entry.cipherdir, config):
            await readable(surroundings.fileno())
            surroundings.watch()


def _conf(entry: VaultEntry) -> str:
    return _REVERSE_CONF if entry.reverse else _CONF


def _is_there(cipherdir: str, config: Path) -> bool:
    return os.access(config, os.R_OK) and os.access(cipherdir, os.R_OK | os.X_OK)


class _Surroundings:
    """Readable when something was mounted, or changed in what there is of the way to some paths."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._mounts = MountWatch()
        self._directories = DirectoryWatch()
        self._epoll = select.epoll()
        self._epoll.register(self._mounts.fileno(), select.EPOLLIN)
        self._epoll.register(self._directories.fileno(), select.EPOLLIN)

    def fileno(self) -> int:
        return self._epoll.fileno()

    def watch(self) -> None:
        """Take note of the changes so far, and watch as far as the paths go by now."""
        self._mounts.consume()
        self._directories.consume()
        for path in self._paths:
            # The last one that is there has what comes next; each may be mounted over.
            for directory in (path, *path.parents):
                if self._directories.add(directory):
                    break

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._epoll.close()
        self._mounts.close()
        self._directories.close()
