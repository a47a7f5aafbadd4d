"""One password tried on several vaults; it is wiped when all have had their turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from vaultui.model.errors import PasswordEmpty, PasswordIncorrect, VaultuiError
from vaultui.model.language import N_, _, ngettext
from vaultui.tui.screens.formscreen import FormScreen
from vaultui.tui.widgets.form import Failure, Field
from vaultui.tui.widgets.secretinput import SecretInput
from vaultui.tui.wording import listed, place, shown
from vaultui.vaults import (
    Key,
    PasswordSource,
    Result,
    StepName,
    Unlocked,
    UnlockOptions,
    VaultEntry,
)


@dataclass
class _Turn:
    """One vault, and what became of it so far."""

    entry: VaultEntry
    opened: Unlocked | None = None
    error: VaultuiError | None = None


class UnlockSeveralScreen(FormScreen[None]):
    """Stays until every vault is open, for those that have another password, or is closed."""

    go = N_("Unlock")
    leave = N_("Close")
    keys = N_("Enter unlocks  Esc closes")
    CSS = "UnlockSeveralScreen #turns { height: auto; margin-bottom: 1; }"

    def __init__(self, entries: Sequence[VaultEntry]) -> None:
        super().__init__(id="unlock-several")
        self._turns = {entry.name: _Turn(entry) for entry in entries}

    def title_text(self) -> str:
        count = len(self._turns)
        return ngettext("Unlock {count} vault", "Unlock {count} vaults", count)

    def fields(self) -> ComposeResult:
        yield Static(id="turns", markup=False)
        yield Field(_("Password"), SecretInput(self.vaultui.glyphs, id="password"))

    def on_mount(self) -> None:
        self.query_one(SecretInput).focus()

    def show_form(self) -> None:
        super().show_form()
        self._draw()

    # -- the work ---------------------------------------------------------------------------

    def submit(self) -> None:
        field = self.query_one(SecretInput)
        if field.is_empty:
            self.query_one(Failure).show(PasswordEmpty())
            field.focus()
            return
        names = [name for name, turn in self._turns.items() if turn.opened is None]
        self.attempt(_("Beginning"), partial(self._unlock, names), self._done)

    async def _unlock(self, names: list[str]) -> list[Result[Unlocked]]:
        field = self.query_one(SecretInput)
        with Key(field.copy()) as key:
            field.wipe()
            return await self.vaultui.vaults.batch.unlock(
                names,
                key,
                options=UnlockOptions(password_source=PasswordSource.TYPED),
                on_step=lambda name: partial(self._came_to, name),
                on_result=self._told,
            )

    def _came_to(self, name: str, _step: StepName, words: str) -> None:
        self.step(f"{shown(name)}: {words}")

    def _told(self, result: Result[Unlocked]) -> None:
        turn = self._turns[result.name]
        turn.opened, turn.error = result.value, result.error

    def _done(self, results: list[Result[Unlocked]]) -> None:
        opened = [shown(result.name) for result in results if result.value is not None]
        if opened:
            names = listed(opened)
            self.vaultui.say(
                ngettext("{names} is open.", "{names} are open.", len(opened), names=names)
            )
            self.vaultui.background(self.vaultui.live.refresh, group="refresh")
        if all(turn.opened for turn in self._turns.values()):
            self.dismiss(None)
            return
        self.show_form()
        self.query_one(SecretInput).focus()
        left = [result for result in results if result.error is not None]
        other = [result for result in left if not isinstance(result.error, PasswordIncorrect)]
        if other:
            # What a wrong password cannot explain; the others say theirs on their line.
            self.query_one(Failure).show(other[0].error)
        else:
            self.query_one(Failure).say(
                ngettext(
                    "Another password for the one that is left?",
                    "Another password for those that are left?",
                    len(left),
                )
            )

    # -- showing ----------------------------------------------------------------------------

    def _draw(self) -> None:
        lines = [self._line(turn) for turn in self._turns.values()]
        self.query_one("#turns", Static).update(Content("\n").join(lines))

    def _line(self, turn: _Turn) -> Content:
        glyphs = self.vaultui.glyphs
        name = (f"{shown(turn.entry.name)}  ", "bold")
        if turn.opened is not None:
            status = turn.opened.status
            where = place(status.mountpoint or turn.entry.mountpoint)
            told = _("open at {place}", place=where)
            return Content.assemble((f"{glyphs.yes} ", "$success"), name, (told, "$muted"))
        if turn.error is not None:
            told = shown(turn.error.summary)
            return Content.assemble((f"{glyphs.no} ", "$error"), name, (told, "$error"))
        return Content.assemble((f"{glyphs.dot} ", "$muted"), name)
