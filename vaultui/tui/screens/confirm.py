"""A question with two answers. What cannot be undone has its focus on No."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from vaultui.model.language import _
from vaultui.tui.screens.dialog import Dialog


class ConfirmScreen(Dialog[bool]):
    """Answers True, False, or None for Esc."""

    def __init__(
        self, title: str, text: str, *, yes: str, no: str = "", danger: bool = False
    ) -> None:
        """Take the question, and what the two buttons say; without a `no` it is Cancel."""
        super().__init__(id="confirm")
        self._title = title
        self._text = text
        self._yes = yes
        self._no = no or _("Cancel")
        self._danger = danger

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            self.head(box, self._title, _("Enter chooses  Esc cancels"))
            yield Static(self._text, markup=False)
            with Horizontal(classes="buttons"):
                yield Button(
                    Content(self._yes),
                    variant="error" if self._danger else "primary",
                    id="yes",
                    compact=True,
                )
                yield Button(Content(self._no), id="no", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no" if self._danger else "#yes").focus()

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")
