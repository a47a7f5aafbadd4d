"""The keys of a vault: what opens it."""

from __future__ import annotations

from functools import partial

from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.tui.wording import shown
from vaultui.vaults import TOKEN_KIND, VaultEntry, VaultStatus


class KeyFlows(Flow):
    """Shows the keys, and changes the password."""

    def show(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.keys import KeysScreen

        self.app.push_screen(KeysScreen(status.entry))

    def change_password(self, status: VaultStatus) -> None:
        self.run(partial(self._change_password, status.entry), "keys")

    async def _change_password(self, entry: VaultEntry) -> None:
        from vaultui.tui.screens.changepassword import ChangePasswordScreen

        slots = await self.app.vaults.keys.slots(entry.name)
        if any(slot.kind == TOKEN_KIND for slot in slots):
            name = shown(entry.name)
            self.app.say(_("{name} has no password: a FIDO2 token opens it.", name=name))
            return
        self.app.push_screen(ChangePasswordScreen(entry, slots))
