"""What was written down about a vault: the log of its backends and keepers."""

from __future__ import annotations

import time
from pathlib import Path

from vaultui.supervisor import logs
from vaultui.vaults.newfile import new_file
from vaultui.vaults.paths import Paths
from vaultui.vaults.registry import Registry
from vaultui.vaults.timeline import Moment, moments
from vaultui.vaults.waiting import in_thread

_LINES_READ = 4000
"""Of which the time line is made; a log file has room for some more."""


class Logbook:
    """The logs of one user's vaults. They are on the disk of the home, so nothing here hangs."""

    def __init__(self, paths: Paths, registry: Registry) -> None:
        self._paths = paths
        self._registry = registry

    def path(self, name: str) -> Path:
        """Return where the log of a vault is; it may not exist yet."""
        return self._paths.log_file(self._registry.entry(name).id)

    def version(self, name: str) -> tuple[int, int]:
        """Return what changes whenever the log does, so that it need not be read to see that."""
        try:
            status = self.path(name).stat()
        except OSError:
            return (0, 0)
        return (status.st_size, status.st_mtime_ns)

    async def tail(self, name: str, lines: int = 200) -> list[str]:
        """Return the last lines of a vault's log, oldest first."""
        return await in_thread(logs.tail, self.path(name), lines)

    async def timeline(self, name: str) -> list[Moment]:
        """Return what has happened to a vault, oldest first, over locks and restarts."""
        return moments(await self.tail(name, _LINES_READ))

    async def save(self, name: str) -> Path:
        """Copy all of a log that there is into a new file in the home, and return its path.

        Raises FileNotMade.
        """
        lines = await self.tail(name, _LINES_READ)
        word = "".join(letter if letter.isalnum() else "-" for letter in name)
        stamp = time.strftime("%Y-%m-%d-%H%M%S")
        path = str(Path.home() / f"vaultui-{word}-{stamp}.log")
        with new_file(path) as file:
            file.write("\n".join(lines) + "\n")
        return Path(path)
