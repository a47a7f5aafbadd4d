"""What is done with a volume as it lies on the disk: looked at, and checked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vaultui.model.ids import VaultId
from vaultui.model.language import _, ngettext
from vaultui.tui.check import Check
from vaultui.tui.flows.flow import Flow
from vaultui.tui.wording import shown, size
from vaultui.vaults import VaultStatus

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp


class VolumeFlows(Flow):
    """Checks belong to the application, and go on without the dialog that shows them."""

    def __init__(self, app: VaultuiApp) -> None:
        super().__init__(app)
        self._checks: dict[VaultId, Check] = {}

    def info(self, status: VaultStatus) -> None:
        """Show what a volume is made of."""
        from vaultui.tui.screens.volumeinfo import VolumeInfoScreen

        self.app.push_screen(VolumeInfoScreen(status.entry))

    def check(self, status: VaultStatus) -> None:
        """Show the check that is under way, or that has found damage; else begin one."""
        from vaultui.tui.screens.check import CheckScreen

        check = self._checks.get(status.entry.id)
        if check is not None:
            self._show(check)
            return
        new_check = partial(Check, self.app.vaults, status.entry, self._ended)
        self.app.push_screen(CheckScreen(status.entry, new_check), self._begun)

    def _begun(self, check: Check | None) -> None:
        if check is not None:
            self._checks[check.entry.id] = check
            self._show(check)

    def _show(self, check: Check) -> None:
        from vaultui.tui.screens.checking import CheckingScreen

        def closed(_: None) -> None:
            # What has been seen to its end is not shown again: V begins a new check then.
            if not check.running:
                self._checks.pop(check.entry.id, None)

        self.app.push_screen(CheckingScreen(check), closed)

    def _ended(self, check: Check) -> None:
        """Say how a check went that nobody looks at."""
        from vaultui.tui.screens.checking import CheckingScreen

        if not self.app.is_running or isinstance(self.app.screen, CheckingScreen):
            return
        name, checked = shown(check.entry.name), check.checked
        if checked is None or checked.corrupt or checked.skipped:
            text = _("The check of {name} has found damage, or ended early; V shows it.", name=name)
            self.app.say(text, severity="error", timeout=30)
            return
        self._checks.pop(check.entry.id, None)
        self.app.say(
            ngettext(
                "{name} is whole: {count} file, {size}.",
                "{name} is whole: {count} files, {size}.",
                checked.files,
                name=name,
                size=size(checked.bytes),
            )
        )

    async def close(self) -> None:
        """End what is under way."""
        for check in self._checks.values():
            await check.stop()
