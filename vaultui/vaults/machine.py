"""The use cases about this machine: where things are, what is missing, the desktop's menu."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vaultui.model.errors import UsageError, VaultuiError
from vaultui.model.language import Phrase
from vaultui.vaults.mountguard import MountGuard
from vaultui.vaults.outcomes import Finding
from vaultui.vaults.paths import Paths
from vaultui.vaults.registry import Registry
from vaultui.vaults.waiting import in_thread

_KEYRING_S: Final = 60.0
"""Long enough for a person to type the keyring's own password."""


@dataclass(frozen=True)
class Uninstalled:
    """What was taken back."""

    files: tuple[Path, ...]
    passwords: tuple[str, ...]
    """Names of the vaults whose saved passwords were deleted."""
    other_passwords: int
    """How many were deleted of vaults that are not known any more."""
    problem: VaultuiError | None
    """Why the keyring could not be asked; saved passwords may be left in it."""


class Machine:
    """What is beside the vaults on the machine of one user."""

    def __init__(self, paths: Paths, registry: Registry, guard: MountGuard) -> None:
        self._paths = paths
        self._registry = registry
        self._guard = guard

    def locate(self, what: str) -> Path:
        """Return the path of "config", "log", "runtime" or "state"."""
        places = {
            "config": self._paths.config_file,
            "log": self._paths.log_dir,
            "runtime": self._paths.runtime_dir,
            "state": self._paths.state_dir,
        }
        if what not in places:
            known = ", ".join(places)
            sentence = Phrase(
                "There is no {what} to locate, only {places}", what=what, places=known
            )
            raise UsageError(what=sentence)
        return places[what]

    async def doctor(self) -> list[Finding]:
        """Return what was looked at on this machine and how each finding is mended."""
        from vaultui.vaults.doctor import examine

        return await examine(self._paths, self._registry)

    def install_desktop(self, name: str | None = None, *, terminal: str = "") -> list[Path]:
        """Write desktop entries for the application and for one vault, or for all of them.

        Without `terminal` it is the one of the settings, if there is one.
        """
        from vaultui.vaults.desktopentries import install

        registry = self._registry
        entries = registry.entries() if name is None else [registry.entry(name)]
        return install(entries, terminal=terminal or registry.settings().program.terminal)

    async def uninstall(self) -> Uninstalled:
        """Take back what vaultui has put on this machine for its vaults, and return what it was.

        Desktop entries, units of systemd, passwords in the keyring, and the modes of mount points
        that nothing is mounted on. Vaults, settings and logs stay.
        """
        from vaultui.vaults import desktopentries, keyringclient
        from vaultui.vaults.automation import Automation

        files = await in_thread(desktopentries.uninstall_all)
        files += await Automation(self._registry).remove_all()
        passwords: list[str] = []
        problem: VaultuiError | None = None
        for entry in self._registry.entries():
            await in_thread(self._guard.release, entry.mountpoint)
            try:
                if problem is None and await keyringclient.forget(entry, _KEYRING_S):
                    passwords.append(entry.name)
            except VaultuiError as error:
                problem = error
        others = 0
        if problem is None:
            try:
                others = await keyringclient.clear(_KEYRING_S)
            except VaultuiError as error:
                problem = error
        if not keyringclient.session_bus():
            problem = None  # nothing was ever saved from here
        return Uninstalled(tuple(files), tuple(passwords), others, problem)
