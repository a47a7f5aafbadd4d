"""Asking for the key of a check: reading a volume takes what opens it."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import Static

from vaultui.model.language import N_, _
from vaultui.tui.check import Check
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.wording import shown
from vaultui.vaults import Key, VaultEntry


class CheckScreen(KeyForm[Check]):
    """Answers with a check that has begun. The keyring is asked beside the form."""

    go = N_("Check")
    keys = N_("Enter begins  Esc cancels")

    def __init__(self, entry: VaultEntry, new_check: Callable[[], Check]) -> None:
        super().__init__(entry, id="check")
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
        self.look_for_key(self._begin)

    def submit(self) -> None:
        if self.has_key():
            self._begin(self.query_one(OpenedBy).key())

    def _begin(self, key: Key) -> None:
        async def begin() -> Check:
            check = self._new_check()
            await check.start(key)
            return check

        self.attempt(_("Trying the key"), begin, self.dismiss)
