"""The use cases that take a vault away: out of the list alone, or with its files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import (
    AlreadyOpen,
    DeletionRefused,
    DeletionUnfinished,
    VaultuiError,
    VolumeConfMissing,
)
from vaultui.model.language import Phrase
from vaultui.model.states import VaultState
from vaultui.supervisor import logs
from vaultui.tasks.records import TaskRecords
from vaultui.vaults import keyringclient, volumecommands
from vaultui.vaults.automation import Automation
from vaultui.vaults.desktopentries import uninstall
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.mountguard import MountGuard
from vaultui.vaults.observer import observe
from vaultui.vaults.paths import Paths
from vaultui.vaults.privateuse import refuse_to_delete_under_private
from vaultui.vaults.registry import Registry
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.turns import turn
from vaultui.vaults.waiting import in_thread

if TYPE_CHECKING:
    from vaultui.vaults.deletion import Deletion, DeletionScope

_RELEASE_S: Final = 2.0
"""For changing a mode; a place that does not answer in that time is left as it is."""
_FORGET_S: Final = 10.0
"""For the keyring, which nobody waits for when the vault is gone."""


@dataclass(frozen=True)
class Deleted:
    """What became of a vault that was deleted."""

    entry: VaultEntry
    gone: DeletionScope
    saved_password: bool
    """Whether a saved password was deleted, too."""


class Removal:
    """Takes vaults away that are locked. Raises AlreadyOpen for others."""

    def __init__(self, paths: Paths, registry: Registry, guard: MountGuard) -> None:
        self._paths = paths
        self._registry = registry
        self._guard = guard

    async def forget(self, name: str) -> VaultEntry:
        """Take a vault out of the registry; its files stay.

        The saved password stays too: `Keyring.forget` is a wish of its own.
        """
        entry = self._registry.entry(name)
        async with self._locked(entry):
            await self._take_out(entry)
        return entry

    async def survey(self, name: str) -> DeletionScope:
        """Return what deleting a vault would take away, and what not; nothing is changed.

        Raises DeletionRefused where its files are not to be deleted.
        """
        entry = self._registry.entry(name)
        async with self._locked(entry) as status:
            deletion = await self._deletion(status)
            try:
                return await in_thread(deletion.survey)
            except OSError as error:
                raise DeletionRefused(name=entry.name, reason=reason_of(error)) from error
            finally:
                deletion.give_up()

    async def delete(
        self, name: str, typed: str, on_progress: Callable[[int], None] = lambda _entries: None
    ) -> Deleted:
        """Delete the files of a vault, and take it out of the list and the keyring.

        `typed` is the name once more, as a person typed it; `on_progress` gets the number of
        files and directories that are gone, first when the volume config is. Raises
        DeletionRefused before anything is changed, or DeletionUnfinished; then, and after a
        cancellation, the vault stays in the list.
        """
        entry = self._registry.entry(name)
        if typed != entry.name:
            reason = Phrase("what was typed is not its name")
            raise DeletionRefused(name=entry.name, reason=reason)
        loop = asyncio.get_running_loop()

        def tell(entries: int) -> None:
            loop.call_soon_threadsafe(on_progress, entries)

        async with self._locked(entry) as status:
            deletion = await self._deletion(status)
            try:
                gone = await in_thread(deletion.remove, tell)
            except OSError as error:
                raise DeletionUnfinished(
                    name=entry.name, path=entry.cipherdir, reason=reason_of(error)
                ) from error
            finally:
                deletion.give_up()
            await self._take_out(entry)
            # It names files that were found damaged, and nobody can look into it any more.
            await in_thread(logs.remove, self._paths.log_file(entry.id))
            # So may what tasks wrote that ran against it.
            await in_thread(TaskRecords(self._paths.tasks_dir).clear, entry.id)
        saved = False
        with suppress(VaultuiError):  # it would open nothing any more
            saved = await keyringclient.forget(entry, _FORGET_S)
        return Deleted(entry, gone, saved)

    async def _deletion(self, status: VaultStatus) -> Deletion:
        from vaultui.vaults.deletion import Deletion, refusal

        entry = status.entry
        if status.backend_pid is not None:
            reason = Phrase("its mount backend still serves who held a file")
            raise DeletionRefused(name=entry.name, reason=reason)
        await in_thread(refuse_to_delete_under_private, self._paths, entry)
        if status.state is VaultState.MISSING:
            raise DeletionRefused(name=entry.name, reason=status.explanation.rstrip("."))
        why_not = await in_thread(refusal, entry)
        if why_not is not None:
            raise DeletionRefused(name=entry.name, reason=why_not)
        try:
            info = await volumecommands.info(entry)
        except VolumeConfMissing:
            # A deletion that did not come to its end: the config was the first to go.
            return Deletion(entry, plain_names=False, dir_ivs=True)
        return Deletion(
            entry, plain_names=info.names == "plaintext", dir_ivs="DirIV" in info.feature_flags
        )

    @asynccontextmanager
    async def _locked(self, entry: VaultEntry) -> AsyncIterator[VaultStatus]:
        """Hold the turn at a vault that is not open, and yield its status."""
        self._paths.ensure_runtime_dir()
        async with turn(self._paths, entry.id, VaultState.LOCKING):
            status = await observe(self._paths, entry, my_turn=True)
            if status.mounted:
                raise AlreadyOpen(name=entry.name)
            yield status

    async def _take_out(self, entry: VaultEntry) -> None:
        self._registry.remove(entry)
        with suppress(TimeoutError):  # where it lies does not answer: no mode to give back
            async with asyncio.timeout(_RELEASE_S):
                await in_thread(self._guard.release, entry.mountpoint)
        uninstall(entry.id)
        await Automation(self._registry).forget(entry)
