"""The Paths pane: the other side of a path, as one types it."""

from __future__ import annotations

import asyncio

from rich.cells import cell_len
from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static

from vaultui.model.errors import VaultuiError
from vaultui.model.language import N_, _
from vaultui.tui.widgets.pane import Pane
from vaultui.tui.wording import shown
from vaultui.vaults import PathAnswer

_PAUSE_S = 0.12
"""Between the last key and the question: fast typing asks once."""


class Paths(Pane):
    """Asks the backend through its control socket; Enter copies the answer."""

    KEYS = (("Enter", N_("copy the other side of the path")),)

    def __init__(self) -> None:
        super().__init__(id="paths-pane")
        self._answer: PathAnswer | None = None

    def compose(self) -> ComposeResult:
        yield Static(_("A path of this vault, plain or encrypted:"), classes="quiet", markup=False)
        yield Input(placeholder="docs/letter.txt", id="path-question", compact=True)
        yield Static(id="path-answer", markup=False)

    def vault_changed(self) -> None:
        self._answer = None
        self.query_one("#path-answer", Static).update("")
        self.query_one("#path-question", Input).clear()

    def state_changed(self) -> None:
        open_now = self.status is not None and self.status.detail is not None
        question = self.query_one("#path-question", Input)
        if question.disabled is open_now:
            question.disabled = not open_now
            self._show("" if open_now else _("The vault must be open: its backend knows the keys."))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._ask(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._answer is not None and not self._answer.error:
            typed = event.value.strip("/")
            other = self._answer.cipher if self._answer.plain == typed else self._answer.plain
            self.vaultui.copy_text(other)

    @work(group="path", exclusive=True)
    async def _ask(self, path: str) -> None:
        self._answer = None
        if not path or self.status is None:
            self._show("")
            return
        await asyncio.sleep(_PAUSE_S)
        try:
            answer = await self.vaultui.vaults.volume.path(self.status.entry.name, path)
        except VaultuiError as error:
            self._show(error.summary)
            return
        self._answer = answer
        if answer.error:
            self._show(_(answer.error))
            return
        warning = f"\n\n{shown(_(answer.warning))}" if answer.warning else ""
        plain, cipher = _("Plaintext"), _("Ciphertext")
        width = max(cell_len(plain), cell_len(cipher)) + 2
        self.query_one("#path-answer", Static).update(
            Content.assemble(
                (plain.ljust(width), "$muted"),
                (shown(answer.plain), "bold"),
                "\n\n",
                (cipher.ljust(width), "$muted"),
                shown(answer.cipher),
                (warning, "$warning"),
                ("\n\n" + _("Enter copies the other side."), "$muted"),
            )
        )

    def _show(self, text: str) -> None:
        self.query_one("#path-answer", Static).update(Content.assemble((shown(text), "$muted")))
