"""Taking a key away from a vault."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.widgets import Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.wording import shown
from vaultui.vaults import KeysChanged, SlotInfo, VaultEntry, change_in_words, key_in_words


class RemoveKeyScreen(KeyForm[KeysChanged]):
    """Answers with how the keys are then. Who removes a key shows one that stays."""

    go = N_("Remove")
    keys = N_("Enter removes it  Esc cancels")

    def __init__(self, entry: VaultEntry, slots: Sequence[SlotInfo], slot: SlotInfo) -> None:
        super().__init__(entry, [other for other in slots if other.id != slot.id], id="remove-key")
        self._slot = slot

    def title_text(self) -> str:
        return _("Remove a key of {name}", name=shown(self.entry.name))

    def fields(self) -> ComposeResult:
        key = shown(key_in_words(self._slot))
        yield Static(
            _(
                "This takes away the {key}. It opens nothing any more then, but for old copies of "
                "the volume config.",
                key=key,
            ),
            classes="quiet",
            markup=False,
        )
        yield Static(_("A key that stays"), classes="heading", markup=False)
        yield self.opened_by()

    def on_mount(self) -> None:
        self.query_one(OpenedBy).focus_first()

    def submit(self) -> None:
        if self.has_key():
            self.attempt(_("Removing the key"), self._remove, self._done)

    async def _remove(self) -> KeysChanged:
        with self.query_one(OpenedBy).key() as key:
            return await self.vaultui.vaults.keys.remove(self.entry.name, key, self._slot)

    def _done(self, changed: KeysChanged) -> None:
        words = _(
            "The {key} is removed. {change}",
            key=shown(key_in_words(self._slot)),
            change=shown(change_in_words(changed)),
        )
        self.vaultui.say(words, severity="warning" if changed.problem else "information")
        self.dismiss(changed)
