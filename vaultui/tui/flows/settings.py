"""The settings, of the program and of a vault: forms for them, and the file in an editor."""

from __future__ import annotations

from textual.app import SuspendNotSupported

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.vaults import VaultStatus


class SettingsFlows(Flow):
    """Every change goes into the settings file at once."""

    def of_program(self) -> None:
        from vaultui.tui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen())

    def of_vault(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.settings import SettingsScreen

        self.app.push_screen(SettingsScreen(status.entry))

    async def edit_file(self) -> VaultuiError | None:
        """Leave the terminal to the person's editor; return what is wrong with the file then."""
        app = self.app
        try:
            problem = await self.lend_terminal(app.vaults.settings.edit)
        except SuspendNotSupported:
            app.say(_("This terminal cannot be left to an editor."), severity="warning")
            return None
        except VaultuiError as error:
            return error
        app.settings_changed()
        await app.live.refresh()
        return problem
