"""Asking for the key of a check: reading a volume takes what opens it."""

from __future__ import annotations

from collections.abc import Callable

from textual import work
from textual.app import ComposeResult
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.check import Check
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.form import Failure
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.wording import shown
from vaultui.vaults import Key, VaultEntry


class CheckScreen(KeyForm[Check]):
    """Answers with a check that has begun. The keyring is asked beside the form."""

    go = N_("Check")
    keys = N_("Enter begins  Esc cancels")

    def __init__(self, entry: VaultEntry, new_check: Callable[[], Check]) -> None:
        super().__init__(entry, (), id="check")
        self._new_check = new_check

    def title_text(self) -> str:
        return _("Check {name}", name=shown(self.entry.name))

    def fields(self) -> ComposeResult:
        yield Static(
            _(
                "Every file is read and its authenticity proven. That takes as long as copying "
                "all of it, and changes nothing."
            ),
            classes="quiet",
            markup=False,
        )
        yield self.opened_by()

    def on_mount(self) -> None:
        self.query_one(OpenedBy).focus_first()
        self._look_at_keys()

    @work(group="keys")
    async def _look_at_keys(self) -> None:
        """Ask for a key file or a PIN where the vault has such a key; else try the saved one."""
        opened_by = self.query_one(OpenedBy)
        try:
            opened_by.told(await self.vaultui.vaults.keys.slots(self.entry.name))
        except VaultuiError as error:
            self.query_one(Failure).show(error)
            return
        keyring = self.vaultui.keyring
        if keyring is None or not keyring.usable or opened_by.with_token:
            return
        try:
            password = await self.vaultui.vaults.keyring.find(self.entry.name)
        except VaultuiError:
            return  # it is typed, then
        if password is None:
            return
        if self.working or not opened_by.is_empty:
            password.wipe()  # the person was faster
            return
        self._begin(Key(password))

    def submit(self) -> None:
        if self.has_key():
            self._begin(self.query_one(OpenedBy).key())

    def _begin(self, key: Key) -> None:
        async def begin() -> Check:
            check = self._new_check()
            await check.start(key)
            return check

        self.attempt(_("Trying the key"), begin, self.dismiss)
