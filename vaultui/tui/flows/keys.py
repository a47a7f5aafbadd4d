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

    def forget_password(self, status: VaultStatus) -> None:
        """Delete the saved password, after a question."""
        from vaultui.tui.screens.confirm import ConfirmScreen

        keyring = self.app.keyring
        if keyring is None or not keyring.usable:
            self.app.say(_("There is no keyring that could be used here."), severity="warning")
            return
        name, label = shown(status.entry.name), shown(keyring.label)

        def answered(yes: bool | None) -> None:
            if yes:
                self.run(partial(self._forget_password, status.entry), "keyring")

        text = _(
            "The password of {name} is deleted from {keyring}, if it is there. The vault itself "
            "stays as it is, and asks for it next time.",
            name=name,
            keyring=label,
        )
        self.app.push_screen(
            ConfirmScreen(_("Forget the password of {name}", name=name), text, yes=_("Forget it")),
            answered,
        )

    async def _forget_password(self, entry: VaultEntry) -> None:
        name = shown(entry.name)
        if await self.app.vaults.keyring.forget(entry.name):
            self.app.say(_("The saved password of {name} is deleted.", name=name))
        else:
            self.app.say(_("No password of {name} was saved.", name=name))
