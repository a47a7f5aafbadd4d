"""What is done with a vault that is open: its folder, its path, its conflict copies."""

from __future__ import annotations

from functools import partial

from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.tui.flows.lending import Errand
from vaultui.tui.wording import shown
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

    def shell(self, status: VaultStatus) -> None:
        """Leave the terminal to a shell inside of it, and offer to lock when that has ended."""
        name = status.entry.name
        errand = Errand(
            status.entry,
            _("A shell in {name}. `exit` comes back to vaultui.", name=shown(name)),
            lambda _key: self.app.vaults.shell(name),
            done=partial(self._offer_to_lock, status),
        )
        self.app.flows.lending.lend(errand)

    def private_shell(self, status: VaultStatus) -> None:
        """Leave the terminal to a shell that alone sees the vault, which stays locked."""
        name = shown(status.entry.name)
        title = _("A private shell in {name}", name=name)
        note = _("{name} is opened for this shell alone; nobody else sees it.", name=name)
        errand = Errand(
            status.entry,
            _("A private shell in {name}. `exit` comes back to vaultui.", name=name),
            partial(self.app.vaults.shell, status.entry.name),
            question=(title, note),
        )
        self.app.flows.lending.lend(errand)

    def _offer_to_lock(self, before: VaultStatus) -> None:
        from vaultui.tui.screens.confirm import ConfirmScreen

        status = self.app.live.status(before.entry.id)
        if status is None or not status.mounted:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.app.flows.locking.lock(status)

        name = shown(status.entry.name)
        self.app.push_screen(
            ConfirmScreen(
                _("Back from {name}", name=name),
                _("The shell has ended. Lock {name} now?", name=name),
                yes=_("Lock"),
                no=_("Leave it open"),
            ),
            answered,
        )

    def copy_path(self, status: VaultStatus) -> None:
        self.app.copy_text(status.mountpoint or status.entry.mountpoint)

    def conflicts(self, status: VaultStatus) -> None:
        """List the conflict copies of sync clients."""
        from vaultui.tui.screens.conflicts import ConflictsScreen

        self.app.push_screen(ConflictsScreen(status))
