"""What is done with a vault that is open: its folder, its path, its conflict copies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from textual.app import SuspendNotSupported

from vaultui.model.errors import KeyFileIncorrect, PasswordIncorrect, VaultuiError
from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.tui.wording import shown
from vaultui.vaults import Key, VaultEntry, VaultStatus


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
        words = _("A shell in {name}. `exit` comes back to vaultui.", name=shown(status.entry.name))
        try:
            if await self._in_terminal(words, partial(self.app.vaults.shell, status.entry.name)):
                self._offer_to_lock(status)
        except VaultuiError as error:
            self.explain(error)

    async def _in_terminal(self, words: str, shell: Callable[[], Awaitable[int]]) -> bool:
        """Leave the terminal to a shell until that ends; raises what it raises.

        Returns False where this terminal cannot be left, which is said.
        """

        async def work() -> int:
            print(words)
            return await shell()

        try:
            await self.lend_terminal(work)
        except SuspendNotSupported:
            self.app.say(_("This terminal cannot be left to a shell."), severity="warning")
            return False
        finally:
            await self.app.live.refresh()
        return True

    def private_shell(self, status: VaultStatus) -> None:
        """Leave the terminal to a shell that alone sees the vault, which stays locked."""
        self._ask_for_key(status.entry)

    def _ask_for_key(self, entry: VaultEntry, error: VaultuiError | None = None) -> None:
        from vaultui.tui.screens.askkey import AskKeyScreen

        def answered(key: Key | None) -> None:
            if key is not None:
                self.app.background(partial(self._private_shell, entry, key), group="shell")

        name = shown(entry.name)
        title = _("A private shell in {name}", name=name)
        note = _("{name} is opened for this shell alone; nobody else sees it.", name=name)
        self.app.push_screen(AskKeyScreen(entry, title, note, error), answered)

    async def _private_shell(self, entry: VaultEntry, key: Key) -> None:
        name = shown(entry.name)
        words = _("A private shell in {name}. `exit` comes back to vaultui.", name=name)
        with key:
            shell = partial(self.app.vaults.shell, entry.name, key=key)
            try:
                await self._in_terminal(words, shell)
            except (PasswordIncorrect, KeyFileIncorrect) as error:
                self._ask_for_key(entry, error)
            except VaultuiError as error:
                self.explain(error)

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
