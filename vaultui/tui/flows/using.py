"""What is done with a vault that is open: its folder, its path, its conflict copies."""

from __future__ import annotations

from functools import partial

from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.vaults import VaultEntry, VaultStatus


class Using(Flow):
    """Ways into an open vault."""

    def folder(self, status: VaultStatus) -> None:
        """Show it in the file manager."""
        self.run(partial(self._folder, status.entry), "folder")

    async def _folder(self, entry: VaultEntry) -> None:
        if not await self.app.vaults.open_folder(entry.name):
            text = _("There is no file manager here; y copies the path.")
            self.app.say(text, severity="warning")

    def copy_path(self, status: VaultStatus) -> None:
        self.app.copy_text(status.mountpoint or status.entry.mountpoint)

    def conflicts(self, status: VaultStatus) -> None:
        """List the conflict copies of sync clients."""
        from vaultui.tui.screens.conflicts import ConflictsScreen

        self.app.push_screen(ConflictsScreen(status))
