"""Taking over the vaults that other managers have in their lists."""

from __future__ import annotations

from functools import partial

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _, ngettext
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Failure, Tick
from vaultui.tui.wording import place, shown
from vaultui.vaults import Importable, Result, VaultEntry


class ImportScreen(FormScreen[list[VaultEntry]]):
    """Answers with the new entries. What can't be taken over is named with the reason."""

    go = N_("Import")
    keys = N_("Space chooses  Enter imports  Esc cancels")
    CSS = """
    ImportScreen #importable { height: auto; }
    ImportScreen Tick { margin: 0; }
    ImportScreen #not-importable { height: auto; color: $muted; margin-top: 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="import")
        self._items: list[Importable] = []
        self._added: list[VaultEntry] = []

    def title_text(self) -> str:
        return _("Import from other managers")

    def fields(self) -> ComposeResult:
        yield Static(_("Looking at their lists"), id="import-note", classes="quiet", markup=False)
        yield Vertical(id="importable")
        yield Static(id="not-importable", markup=False)

    def on_mount(self) -> None:
        self.query_one("#go").display = False
        self._look()

    @work(group="look", exclusive=True)
    async def _look(self) -> None:
        try:
            found = await self.vaultui.vaults.listing.importable()
        except VaultuiError as error:
            self.query_one("#import-note").display = False
            self.query_one(Failure).show(error)
            return
        self._items = [item for item in found if not item.reason]
        note = self.query_one("#import-note", Static)
        if self._items:
            note.update(_("Their files and lists stay as they are."))
        elif found:
            note.update(_("There is nothing that could be imported."))
        else:
            note.update(_("SiriKali, Plasma Vault and Vaults have no vault in their lists here."))
        self._show_refused([item for item in found if item.reason])
        await self.query_one("#importable").mount_all(
            Tick(self._label(item), True, id=f"item-{number}")
            for number, item in enumerate(self._items)
        )
        self.query_one("#go").display = bool(self._items)
        self.query_one("#item-0" if self._items else "#cancel").focus()

    def _label(self, item: Importable) -> str:
        where = place(item.cipherdir)
        return f"{shown(item.name)}  {where}  ({item.manager})"

    def _show_refused(self, items: list[Importable]) -> None:
        lines = [
            Content.assemble(
                (f"{self.vaultui.glyphs.no} ", "$warning"),
                f"{shown(item.name)} ({item.manager}): ",
                shown(_(item.reason)),
            )
            for item in items
        ]
        refused = self.query_one("#not-importable", Static)
        refused.display = bool(lines)
        refused.update(Content("\n").join(lines))

    def submit(self) -> None:
        chosen = [
            item
            for number, item in enumerate(self._items)
            if self.query_one(f"#item-{number}", Tick).value
        ]
        if not chosen:
            self.query_one(Failure).say(_("None of them is chosen."))
            return
        add = partial(self.vaultui.vaults.listing.import_from, chosen)
        words = ngettext("Adding {count} vault", "Adding {count} vaults", len(chosen))
        self.attempt(words, add, self._done)

    def _done(self, results: list[Result[VaultEntry]]) -> None:
        self._added += [result.value for result in results if result.value is not None]
        failed = next((result.error for result in results if result.error is not None), None)
        if failed is None:
            self.dismiss(self._added)
            return
        self.show_form()
        self.query_one(Failure).show(failed)
        self._look_again()

    def _look_again(self) -> None:
        """Show what is left: those that were added are in the list by now."""
        self.query_one("#importable").remove_children()
        self._look()

    def action_cancel(self) -> None:
        if not self.working and self._added:
            self.dismiss(self._added)
        else:
            super().action_cancel()
