"""What any manager says about a vault in its list."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
