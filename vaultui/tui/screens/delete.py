"""Deleting a vault with its files: says what goes, and wants its name typed."""

from __future__ import annotations

from functools import partial

from textual import work
from textual.app import ComposeResult
from textual.widgets import Input, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _, ngettext
from vaultui.tui.jobs import StepTime
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Failure, Field
from vaultui.tui.wording import place, shown, size
from vaultui.vaults import Deleted, DeletionScope, VaultEntry


class DeleteScreen(FormScreen[VaultEntry]):
    """Answers with what is no more."""

    go = N_("Delete")
    keys = N_("Enter deletes it  Esc cancels")
    CSS = """
    DeleteScreen #goes { height: auto; margin-bottom: 1; }
    DeleteScreen #stays { height: auto; margin-bottom: 1; color: $warning; }
    """

    def __init__(self, entry: VaultEntry) -> None:
        super().__init__(id="delete")
        self._entry = entry
        self._begun = False
        """Whether the volume config is gone: from then on there is no way back."""

    def title_text(self) -> str:
        return _("Delete {name}", name=shown(self._entry.name))

    def fields(self) -> ComposeResult:
        yield Static(_("Counting what is there"), id="goes", markup=False)
        yield Static(id="stays", markup=False)
        yield Static(
            _(
                "Nobody can bring them back; with the master key, a recovery key or the password "
                "a copy elsewhere still opens. Forgetting (d) leaves the files alone."
            ),
            classes="quiet",
            markup=False,
        )
        hint = _("type {name}", name=shown(self._entry.name))
        yield Field(_("Its name"), Input(placeholder=hint, id="typed", compact=True))

    def on_mount(self) -> None:
        self.query_one("#stays").display = False
        self.query_one("#typed").focus()
        self._survey()

    @work(group="survey", exclusive=True)
    async def _survey(self) -> None:
        try:
            scope = await self.vaultui.vaults.removal.survey(self._entry.name)
        except VaultuiError as error:
            self.query_one("#goes").display = False
            self.query_one("#typed").disabled = True
            self.query_one(Failure).show(error)
            return
        self._show(scope)

    def _show(self, scope: DeletionScope) -> None:
        self.query_one("#goes", Static).update(
            ngettext(
                "{count} encrypted file or folder, {size}, in {place} is deleted.",
                "{count} encrypted files and folders, {size}, in {place} are deleted.",
                scope.entries,
                size=size(scope.bytes),
                place=place(self._entry.cipherdir),
            )
        )
        stays = self.query_one("#stays", Static)
        stays.display = bool(scope.left_count)
        names = ", ".join(shown(name) for name in scope.left)
        stays.update(
            ngettext(
                "{count} thing there is not of the volume, and stays: {names}",
                "{count} things there are not of the volume, and stay: {names}",
                scope.left_count,
                names=names,
            )
        )

    def submit(self) -> None:
        if self.typed("typed") != self._entry.name:
            name = shown(self._entry.name)
            self.complain(_("That is not its name: {name}.", name=name), "typed")
            return
        delete = partial(
            self.vaultui.vaults.removal.delete, self._entry.name, self.typed("typed"), self._tell
        )
        self.attempt(_("Deleting"), delete, self._done)

    def _tell(self, entries: int) -> None:
        self._begun = True
        if self.working:
            words = ngettext("Deleting: {count} is gone", "Deleting: {count} are gone", entries)
            self._steps[-1] = StepTime(words, self._steps[-1].began)

    def _done(self, deleted: Deleted) -> None:
        name = shown(deleted.entry.name)
        text = _("{name} is deleted.", name=name)
        if deleted.saved_password:
            text = _("{name} is deleted, and its saved password as well.", name=name)
        self.vaultui.say(text)
        self.vaultui.background(self.vaultui.live.refresh, group="refresh")
        self.dismiss(deleted.entry)

    def action_cancel(self) -> None:
        was_working = self.working
        super().action_cancel()
        if was_working and self._begun:
            self.query_one(Failure).say(
                _(
                    "Stopped half way. The volume config went first, so nobody can read what is "
                    "left; deleting it again takes the rest."
                )
            )
