"""The use cases about the list of vaults: what gets into it, and what leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vaultui.model.errors import TimedOut, VaultuiError
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.vaults import adding, discovery, volumecommands
from vaultui.vaults.discovery import Scanned
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.flavour import Flavour
from vaultui.vaults.mountguard import MountGuard
from vaultui.vaults.outcomes import Created
from vaultui.vaults.paths import Paths, absolute
from vaultui.vaults.placetext import path_to_text
from vaultui.vaults.registry import Registry
from vaultui.vaults.waiting import in_thread

if TYPE_CHECKING:
    from vaultui.vaults.batch import Result
    from vaultui.vaults.importing import Importable

_IMPORT_S: Final = 10.0
"""For a look into the directory of each vault; a drive that has to spin up first takes less."""


class Listing:
    """Which vaults are known. Names are looked up in the registry as it is at that moment."""

    def __init__(self, paths: Paths, registry: Registry, guard: MountGuard) -> None:
        self._paths = paths
        self._registry = registry
        self._guard = guard

    async def add(
        self,
        cipherdir: str,
        *,
        name: str | None = None,
        mountpoint: str | None = None,
        idle_timeout_s: float | None = None,
        read_only: bool = False,
        config_path: str = "",
        reverse: bool = False,
        key_file: str = "",
    ) -> VaultEntry:
        """Register an existing volume. Without a name, that of its directory is taken.

        With `reverse`, or where its config says so, it is a plain directory that opens as an
        encrypted view.
        """
        entry = await adding.look_and_make_entry(
            self._paths,
            self._registry.entries(),
            cipherdir,
            name=name,
            mountpoint=mountpoint,
            idle_timeout_s=idle_timeout_s,
            read_only=read_only,
            config_path=config_path,
            reverse=reverse,
            key_file=key_file,
            program=self._registry.settings().program,
        )
        await volumecommands.info(entry)
        self._register(entry)
        return entry

    async def create(
        self,
        cipherdir: str,
        password: Secret,
        *,
        name: str | None = None,
        mountpoint: str | None = None,
        idle_timeout_s: float | None = None,
        flavour: Flavour | None = None,
        key_file: str = "",
    ) -> Created:
        """Make a new volume in an empty or new directory and register it.

        With a key file, which stays where it is and is remembered by its path, the password
        opens it together with that file alone.
        """
        entry = await adding.look_and_make_entry(
            self._paths,
            self._registry.entries(),
            cipherdir,
            name=name,
            mountpoint=mountpoint,
            idle_timeout_s=idle_timeout_s,
            key_file=key_file,
            program=self._registry.settings().program,
        )
        # Before the volume exists: one that can't be registered would be left lying about.
        self._registry.check_addable(entry)
        master_key, derivation_s = await volumecommands.create(
            entry, password, flavour or Flavour()
        )
        try:
            self._register(entry)
        except BaseException:
            master_key.wipe()
            raise
        return Created(entry, master_key, derivation_s)

    def move(self, name: str, place: int) -> None:
        """Put a vault at a place of the list, counted from 0; beyond an end it is at that end."""
        entry = self._registry.entry(name)
        order = [other.id for other in self._registry.entries() if other.id != entry.id]
        order.insert(max(0, place), entry.id)
        self._registry.arrange(order)

    def favour(self, name: str, favourite: bool) -> None:
        """Show a vault before the others, or no longer so."""
        entry = self._registry.entry(name)
        self._registry.set_value(entry.id, "favourite", True if favourite else None)

    def remember_key_file(self, name: str, path: str) -> None:
        """Remember where a vault's key file is; an empty path forgets it."""
        text = path_to_text(absolute(path)) if path else None
        self._registry.set_value(self._registry.entry(name).id, "key_file", text)

    async def importable(self, managers: Collection[str] = ()) -> list[Importable]:
        """Return what other managers have in their lists; those that can't be added with why.

        `managers` are words of importing.MANAGERS, none of them for all. Raises TimedOut where
        a directory does not answer.
        """
        from vaultui.vaults import importing

        lists = importing.read_lists(importing.default_homes(), managers)
        try:
            async with asyncio.timeout(_IMPORT_S):
                return await in_thread(importing.judge, lists, self._registry.entries())
        except TimeoutError as error:
            what = Phrase("Looking at the vaults of other managers")
            raise TimedOut(what=what, seconds=round(_IMPORT_S)) from error

    async def import_from(self, chosen: Iterable[Importable]) -> list[Result[VaultEntry]]:
        """Add vaults of other managers, whose own lists stay as they are.

        Returns what became of each; one that fails does not keep the next from its turn.
        """
        from vaultui.vaults.batch import Result

        results: list[Result[VaultEntry]] = []
        for item in chosen:
            try:
                entry = await self.add(
                    item.cipherdir,
                    name=item.name,
                    mountpoint=item.mountpoint or None,
                    idle_timeout_s=item.idle_timeout_s,
                    read_only=item.read_only,
                    config_path=item.config_path,
                    reverse=item.reverse,
                    key_file=item.key_file,
                )
                results.append(Result(item.name, entry))
            except VaultuiError as error:
                results.append(Result(item.name, error=error))
        return results

    def scan(self) -> AsyncGenerator[Scanned, None]:
        """Search the likely places for volumes that are not in the list; see discovery.scan."""
        return discovery.scan([entry.cipherdir for entry in self._registry.entries()])

    def discover(self) -> list[Path]:
        """Return volumes on this machine that are not registered, in the likely places."""
        return discovery.discover(entry.cipherdir for entry in self._registry.entries())

    def _register(self, entry: VaultEntry) -> None:
        adding.make_mountpoint(entry, self._registry.vaults_dir)
        self._registry.add(entry)
        self._guard.protect(entry.mountpoint)
