"""The conflict copies that a sync client made in an open vault."""

from __future__ import annotations

import os

from textual import on, work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _, ngettext
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure
from vaultui.tui.wording import shown
from vaultui.vaults import ConflictCopy, VaultStatus

_NONE = N_("There are no conflict copies: no sync client has met two versions of a file.")
_WHAT_TO_DO = N_(
    "Each lies beside its original. Compare the two, keep what is right, and delete the other."
)


class ConflictsScreen(Dialog[None]):
    """Lists them, each with what it is a copy of."""

    def __init__(self, status: VaultStatus) -> None:
        super().__init__(id="conflicts")
        self._status = status
        self._copies: tuple[ConflictCopy, ...] = ()

    def compose(self) -> ComposeResult:
        name = shown(self._status.entry.name)
        with VerticalScroll(classes="dialog wide", can_focus=False) as box:
            self.head(
                box,
                _("Conflict copies in {name}", name=name),
                _("Enter copies the path  Esc closes"),
            )
            yield Static(_("Looking through the vault"), id="conflicts-note", markup=False)
            yield Failure(self.vaultui.glyphs)
            yield OptionList(id="choices", compact=True)

    def on_mount(self) -> None:
        self.query_one("#choices").display = False
        self._look()

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        note = self.query_one("#conflicts-note", Static)
        try:
            found = await self.vaultui.vaults.volume.conflicts(self._status.entry.name)
        except VaultuiError as error:
            note.display = False
            self.query_one(Failure).show(error)
            return
        if not found.count:
            note.update(_(_NONE))
            return
        self._copies = found.copies
        more = found.count - len(found.copies)
        count = ngettext("{count} conflict copy", "{count} conflict copies", found.count)
        first = _(" The first {copies} are shown.", copies=len(found.copies)) if more else ""
        note.update(f"{count}. {_(_WHAT_TO_DO)}{first}")
        choices = self.query_one(OptionList)
        choices.add_options(Option(_lines(copy)) for copy in found.copies)
        choices.display = True
        choices.highlighted = 0
        choices.focus()

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        copy = self._copies[event.option_index]
        status = self._status
        if copy.original:
            self.vaultui.copy_text(os.path.join(status.mountpoint, copy.path))
        else:  # it is nothing that the mount shows
            self.vaultui.copy_text(os.path.join(status.entry.cipherdir, copy.cipher_path))


def _lines(copy: ConflictCopy) -> Content:
    of = shown(copy.original) if copy.original else _("a file of the volume's own")
    return Content.assemble((shown(copy.path), "bold"), "\n", (_("  of {of}", of=of), "$muted"))
