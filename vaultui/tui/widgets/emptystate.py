"""What stands in place of the list when there is no vault: how to get one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from vaultui.model.language import _
from vaultui.tui.glyphs import Glyphs
from vaultui.tui.wording import place

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp


class EmptyState(Vertical):
    """Teaches the first keys, and offers volumes that were found on this machine."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="empty")
        self._glyphs = glyphs
        self._found: list[Path] = []
        self._begun = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield Static(
                Content.assemble(
                    (_("No vaults yet"), "bold $primary"), "\n\n",
                    _(
                        "A vault is a directory of encrypted files. Unlocked, its content appears "
                        "in another directory; locked, it is unreadable."
                    ), "\n\n",
                    (" n  ", "bold $accent"), _("create a new vault"), "\n",
                    (" a  ", "bold $accent"), _("add a vault that exists already"), "\n",
                    (" i  ", "bold $accent"), _("import those of another manager"), "\n",
                    (" ?  ", "bold $accent"), _("all keys"),
                ),
                markup=False,
            )  # fmt: skip
            yield Static("", id="found-note", markup=False)
            yield OptionList(id="found", compact=True, markup=False)

    def on_mount(self) -> None:
        self.query_one("#found").display = False
        self.query_one("#found-note").display = False

    def begin(self) -> None:
        """Look for volumes, once."""
        if not self._begun:
            self._begun = True
            self._discover()

    @work(group="discover")
    async def _discover(self) -> None:
        vaults = cast("VaultuiApp", self.app).vaults
        self._found = await asyncio.to_thread(vaults.listing.discover)
        if not self._found:
            return
        note = self.query_one("#found-note", Static)
        note.update(_("Found on this machine; Enter adds one:"))
        note.display = True
        options = self.query_one("#found", OptionList)
        options.add_options(place(str(path)) for path in self._found)
        options.highlighted = 0
        options.display = True
        options.focus()

    @on(OptionList.OptionSelected, "#found")
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        cast("VaultuiApp", self.app).flows.listing.add(str(self._found[event.option_index]))
