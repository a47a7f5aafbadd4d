"""Where a check works: a directory on one of the file systems that are compared."""

from __future__ import annotations

import os
from pathlib import Path

from support import MountedVolume


class Place:
    """A directory on the file system under test; `backend` names which one that is."""

    def __init__(self, backend: str, root: Path, volume: MountedVolume | None) -> None:
        self.backend = backend
        self.root = root
        self._volume = volume

    def __truediv__(self, name: str | bytes) -> Path:
        return self.root / os.fsdecode(name)

    def reread(self) -> None:
        """Make the next look come from what is stored, not from what the kernel believes.

        No file of the mount may be open. The machine's own file system is left as it is.
        """
        if self._volume is not None:
            self._volume.remount()
