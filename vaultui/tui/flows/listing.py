"""The list of vaults: what comes onto it, and what leaves it."""

from __future__ import annotations

from functools import partial

from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.tui.wording import shown
from vaultui.vaults import VaultEntry, VaultStatus


class Listing(Flow):
    """Adds, creates and forgets."""

    def add(self, cipherdir: str = "") -> None:
        from vaultui.tui.screens.add import AddScreen

        self.app.push_screen(AddScreen(cipherdir), self._added)

    def create(self) -> None:
        from vaultui.tui.screens.create import CreateScreen

        self.app.push_screen(CreateScreen(), self._added)

    def _added(self, entry: VaultEntry | None) -> None:
        if entry is not None:
            self.app.say(_("{name} is in the list; u unlocks it.", name=shown(entry.name)))
            self.run(partial(self._show_new, entry), "refresh")

    async def _show_new(self, entry: VaultEntry) -> None:
        await self.app.live.refresh()
        self.app.select(entry.id)

    def forget(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.forget import ForgetScreen

        self.app.push_screen(ForgetScreen(status.entry))
