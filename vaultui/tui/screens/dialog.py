"""What all dialogs have in common: a box in the middle, Esc, and the application, typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.widget import Widget

from vaultui.model.language import _
from vaultui.tui.moving import MOVES
from vaultui.tui.widgets.form import Failure

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A modal screen whose content is one widget with the class `dialog`."""

    VERTICAL_BREAKPOINTS: list[tuple[int, str]] | None = [  # noqa: RUF012 - as Screen has it
        (0, "-low"),
        (28, "-high"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        *MOVES,
        Binding("escape", "cancel", "Cancel", show=False),
        Binding("f2", "details", "Details of a failure", show=False),
        Binding("down", "app.focus_next", "Next field", show=False),
        Binding("up", "app.focus_previous", "Previous field", show=False),
        # First of all, not when a field has passed it on: what is typed next, by somebody fast or
        # by a password manager, would still go into the field before.
        Binding("tab", "app.focus_next", "Next field", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", "Previous field", show=False, priority=True),
    ]

    @property
    def vaultui(self) -> VaultuiApp:
        """The application, typed."""
        return cast("VaultuiApp", self.app)

    def head(self, box: Widget, text: str, keys: str = "") -> None:
        """Write a dialog's title, and below it the keys that work in it."""
        box.border_title = Content.assemble((text, "bold"))
        box.border_subtitle = Content.assemble((keys or _("Esc cancels"), "$muted"))

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Close this dialog with whatever lies on it, or nothing if it is closed already.

        What a dialog waits for can end twice, after Esc, or under a question that was asked
        meanwhile. Textual would close the screen on top, whichever that is.
        """
        if self not in self.app.screen_stack:
            return AwaitComplete()
        while self.app.screen is not self:
            self.app.screen.dismiss(None)
        return super().dismiss(result)

    def action_cancel(self) -> None:
        self.dismiss(None)

    def action_details(self) -> None:
        try:
            self.query_one(Failure).toggle_details()
        except NoMatches:
            return
