"""The list of vaults: what comes onto it, and what leaves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from vaultui.model.language import _, ngettext
from vaultui.tui.flows.flow import Flow
from vaultui.tui.wording import listed, shown
from vaultui.vaults import VaultEntry, VaultStatus


class Listing(Flow):
    """Adds, creates and imports; brings into an order; forgets and deletes."""

    def add(self, cipherdir: str = "") -> None:
        from vaultui.tui.screens.add import AddScreen

        self.app.push_screen(AddScreen(cipherdir), self._added)

    def create(self) -> None:
        from vaultui.tui.screens.create import CreateScreen

        self.app.push_screen(CreateScreen(), self._added)

    def _added(self, entry: VaultEntry | None) -> None:
        if entry is not None:
            self.run(partial(self._show_new, entry), "refresh")
            self.app.say(_("{name} is in the list; u unlocks it.", name=shown(entry.name)))

    async def _show_new(self, entry: VaultEntry) -> None:
        await self.app.live.refresh()
        self.app.select(entry.id)

    def import_lists(self) -> None:
        """Take over vaults of other managers."""
        from vaultui.tui.screens.importlists import ImportScreen

        self.app.push_screen(ImportScreen(), self._imported)

    def _imported(self, entries: list[VaultEntry] | None) -> None:
        if entries:
            names = listed([shown(entry.name) for entry in entries])
            self.app.say(
                ngettext(
                    "{names} is in the list.", "{names} are in the list.", len(entries), names=names
                )
            )
            self.run(partial(self._show_new, entries[0]), "refresh")

    # -- order ------------------------------------------------------------------------------

    def favour(self, status: VaultStatus) -> None:
        """Have a vault before the others, or let it go back among them."""
        entry = status.entry
        self._arrange(entry, partial(self.app.vaults.listing.favour, entry.name,
                                     not entry.favourite))  # fmt: skip

    def move_up(self, status: VaultStatus) -> None:
        self._move(status.entry, -1)

    def move_down(self, status: VaultStatus) -> None:
        self._move(status.entry, 1)

    def _move(self, entry: VaultEntry, step: int) -> None:
        entries = [status.entry for status in self.app.live.statuses]
        place = [other.id for other in entries].index(entry.id) + step
        if not 0 <= place < len(entries):
            return
        if entries[place].favourite is not entry.favourite:
            self.app.say(_("Favourites stay before the others; * makes one, or takes it back."))
            return
        self._arrange(entry, partial(self.app.vaults.listing.move, entry.name, place))

    def _arrange(self, entry: VaultEntry, change: Callable[[], None]) -> None:
        async def arrange() -> None:
            await asyncio.to_thread(change)
            await self._show_new(entry)

        self.run(arrange, "arrange")

    # -- what leaves it ---------------------------------------------------------------------

    def forget(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.forget import ForgetScreen

        self.app.push_screen(ForgetScreen(status.entry))

    def delete(self, status: VaultStatus) -> None:
        from vaultui.tui.screens.delete import DeleteScreen

        self.app.push_screen(DeleteScreen(status.entry))
