"""Trying a key: does it really open this vault, and which of its keys is it?"""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from vaultui.model.language import N_, _
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.wording import shown
from vaultui.vaults import SlotInfo, SlotOpened, VaultEntry, key_in_words


class TryKeyScreen(KeyForm[SlotOpened]):
    """Opens nothing and changes nothing. It stays, so that the next key can be tried."""

    go = N_("Try it")
    leave = N_("Close")
    keys = N_("Enter tries it  F3 shows it  Esc closes")
    intro = N_(
        "Type a password, or a recovery key as it stands on the paper. Nothing is opened and "
        "nothing is changed by this."
    )

    def __init__(self, entry: VaultEntry, slots: Sequence[SlotInfo]) -> None:
        super().__init__(entry, slots, id="try-key")

    def title_text(self) -> str:
        return _("Does it open {name}?", name=shown(self.entry.name))

    def fields(self) -> ComposeResult:
        yield Static(_(self.intro), classes="quiet", markup=False)
        yield self.opened_by()
        yield Static(id="answer", markup=False)

    def on_mount(self) -> None:
        self.query_one("#answer").display = False
        self.query_one(OpenedBy).focus_first()

    def submit(self) -> None:
        self.query_one("#answer").display = False
        if self.has_key():
            with_token = self.query_one(OpenedBy).with_token
            words = _("Touch the token") if with_token else _("Deriving the key")
            self.attempt(words, self.try_key, self.opened)

    async def try_key(self) -> SlotOpened:
        """Return which key was typed."""
        with self.query_one(OpenedBy).key() as key:
            return await self.vaultui.vaults.keys.verify(self.entry.name, key)

    def opened(self, opened: SlotOpened) -> None:
        """Say which key it was."""
        self.show_form()
        self.query_one(OpenedBy).wipe()
        answer = self.query_one("#answer", Static)
        answer.update(
            Content.assemble(
                (f"{self.vaultui.glyphs.yes} ", "bold $success"),
                _(
                    "It opens {name}: {key}. ",
                    name=shown(self.entry.name),
                    key=shown(key_in_words(opened.slot)),
                ),
                (
                    _("Deriving it took {seconds:.1f} s.", seconds=opened.derivation_s),
                    "$muted",
                ),
            )
        )
        answer.display = True
