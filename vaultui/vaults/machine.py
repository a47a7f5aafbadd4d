"""The use cases about this machine: where things are, what is missing, the desktop's menu."""

from __future__ import annotations

from pathlib import Path

from vaultui.model.errors import UsageError
from vaultui.model.language import Phrase
from vaultui.vaults.outcomes import Finding
from vaultui.vaults.paths import Paths
from vaultui.vaults.registry import Registry


class Machine:
    """What is beside the vaults on the machine of one user."""

    def __init__(self, paths: Paths, registry: Registry) -> None:
        self._paths = paths
        self._registry = registry

    def locate(self, what: str) -> Path:
        """Return the path of "config", "log", "runtime" or "state"."""
        places = {
            "config": self._paths.config_file,
            "log": self._paths.log_dir,
            "runtime": self._paths.runtime_dir,
            "state": self._paths.state_dir,
        }
        if what not in places:
            raise UsageError(
                what=Phrase(
                    "There is no {what} to locate, only {places}", what=what, places=", ".join(places)
                )
            )
        return places[what]

    async def doctor(self) -> list[Finding]:
        """Return what was looked at on this machine and how each finding is mended."""
        from vaultui.vaults.doctor import examine

        return await examine(self._paths, self._registry)

    def install_desktop(self, name: str | None = None, *, terminal: str = "") -> list[Path]:
        """Write desktop entries for the application and for one vault, or for all of them."""
        from vaultui.vaults.desktopentries import install

        registry = self._registry
        entries = registry.entries() if name is None else [registry.entry(name)]
        return install(entries, terminal=terminal)
