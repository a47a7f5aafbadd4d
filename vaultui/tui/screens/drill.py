"""The drill: what one would do in an emergency, rehearsed while there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from vaultui.model.language import N_, _, ngettext
from vaultui.tui.screens.keyform import KeyForm
from vaultui.tui.widgets.keyfields import OpenedBy
from vaultui.tui.wording import shown
from vaultui.vaults import Drilled, DrillStep, SlotInfo, VaultEntry

_STEPS: Final = {
    DrillStep.VERIFYING: N_("Trying the recovery key"),
    DrillStep.OPENING: N_("Opening the vault with it"),
    DrillStep.READING: N_("Reading some files"),
    DrillStep.LOCKING: N_("Locking it again"),
}


class DrillScreen(KeyForm[None]):
    """Takes a recovery key, and stays to say what came of it."""

    go = N_("Rehearse")
    leave = N_("Close")
    keys = N_("Enter rehearses  F3 shows it  Esc closes")

    def __init__(self, entry: VaultEntry, papers: Sequence[SlotInfo]) -> None:
        """Take the vault, and those of its keys that are recovery keys."""
        super().__init__(entry, papers, id="drill")

    def title_text(self) -> str:
        return _("A drill with the recovery key of {name}", name=shown(self.entry.name))

    def fields(self) -> ComposeResult:
        yield Static(
            _(
                "The vault is opened with the key on the paper alone, read-only and where nobody "
                "else looks; some of its files are read, and it is locked again."
            ),
            classes="quiet",
            markup=False,
        )
        yield self.opened_by()
        yield Static(id="answer", markup=False)

    def on_mount(self) -> None:
        self.query_one("#answer").display = False
        self.query_one(OpenedBy).focus_first()

    def submit(self) -> None:
        self.query_one("#answer").display = False
        if self.has_key():
            self.attempt(_(_STEPS[DrillStep.VERIFYING]), self._drill, self._done)

    async def _drill(self) -> Drilled:
        with self.query_one(OpenedBy).key() as key:
            return await self.vaultui.vaults.volume.drill(
                self.entry.name, key.secret, self._came_to
            )

    def _came_to(self, step: DrillStep) -> None:
        if step is not DrillStep.VERIFYING:
            self.step(_(_STEPS[step]))

    def _done(self, drilled: Drilled) -> None:
        self.show_form()
        self.query_one(OpenedBy).wipe()
        glyphs = self.vaultui.glyphs
        name = shown(self.entry.name)
        if not drilled.rehearsed:
            mark, text = (
                (glyphs.yes, "bold $success"),
                _("The key opens {name}, which is open now.", name=name),
            )
        elif drilled.problem:
            mark = (glyphs.warn, "bold $warning")
            text = _(
                "The key opens {name}, but not all could be read: {problem}.",
                name=name,
                problem=shown(_(drilled.problem)),
            )
        else:
            mark = (glyphs.yes, "bold $success")
            text = ngettext(
                "It opened {name}; {count} file could be read.",
                "It opened {name}; {count} files could be read.",
                drilled.files,
                name=name,
            )
        answer = self.query_one("#answer", Static)
        answer.update(Content.assemble(mark, f" {text}"))
        answer.display = True
