"""A failure that belongs to no dialog: what, why and what helps; raw text under Details."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button

from vaultui.model.errors import VaultuiError
from vaultui.model.language import _
from vaultui.tui.screens.dialog import Dialog
from vaultui.tui.widgets.form import Failure


class ErrorScreen(Dialog[None]):
    """Shows one error."""

    def __init__(self, error: VaultuiError) -> None:
        super().__init__(id="error")
        self._error = error

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            keys = _("F2 details  Esc closes") if self._error.raw else _("Esc closes")
            self.head(box, _("That did not work"), keys)
            yield Failure(self.vaultui.glyphs)
            with Horizontal(classes="buttons"):
                yield Button(_("Close"), variant="primary", id="close", compact=True)

    def on_mount(self) -> None:
        # After the children's own mounting, which hides an empty failure.
        self.call_after_refresh(self.query_one(Failure).show, self._error)

    @on(Button.Pressed)
    def _close_pressed(self) -> None:
        self.dismiss(None)
