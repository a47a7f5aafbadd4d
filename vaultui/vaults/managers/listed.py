"""What any manager says about a vault in its list."""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.linux.errnos import os_error

_LARGEST: Final = 1 << 22
"""Bytes of a list; one of thousands of vaults has a tenth of that."""


@dataclass(frozen=True)
class Listed:
    """A vault in the list of another manager, as it says and not as it may be."""

    manager: str
    name: str
    """Empty where the manager has no names."""
    cipherdir: str = ""
    mountpoint: str = ""
    kind: str = ""
    """The kind of vault in the manager's own word; empty where it does not say."""
    read_only: bool = False
    idle_timeout: str = ""
    config_path: str = ""
    key_file: str = ""
    reverse: bool = False
    problem: str = ""
    """Why its list, or this part of it, could not be read."""


@dataclass(frozen=True)
class Homes:
    """Where managers keep their files: a home directory, and its configuration."""

    home: Path
    config: Path

    def configs(self, flatpak: str) -> list[Path]:
        """Return where a program's configuration may be: outside and inside of its Flatpak."""
        return [self.config, self.home / ".var" / "app" / flatpak / "config"]


def contents(file: Path) -> bytes:
    """Return what is in a list; raises OSError.

    It may be anything by that name: a pipe would keep us waiting, and a device never end.
    """
    fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as opened:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise os_error(errno.EISDIR if stat.S_ISDIR(mode) else errno.ESPIPE)
        data = opened.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise os_error(errno.EFBIG)
    return data
