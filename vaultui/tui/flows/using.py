"""What is done with a vault that is open: its folder, its path, its conflict copies."""

from __future__ import annotations

from functools import partial

from textual.app import SuspendNotSupported

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
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
        self.app.background(partial(self._shell, status), group="shell")

    async def _shell(self, status: VaultStatus) -> None:
        app, name = self.app, shown(status.entry.name)
        try:
            # Nothing is drawn meanwhile, but jobs, warnings and the states go on.
            with app.batch_update(), app.suspend():
                print(_("A shell in {name}. `exit` comes back to vaultui.", name=name))
                await app.vaults.shell(status.entry.name)
        except SuspendNotSupported:
            app.say(_("This terminal cannot be left to a shell."), severity="warning")
            return
        except VaultuiError as error:
            self.explain(error)
            return
        finally:
            await app.live.refresh()
        self._offer_to_lock(status)

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
