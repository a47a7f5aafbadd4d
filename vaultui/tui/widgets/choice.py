"""One of a few values on one line; and several of these, with a note about the one in hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from vaultui.tui.glyphs import Glyphs
from vaultui.tui.widgets.form import Field


@dataclass(frozen=True)
class Option:
    """One value: what stands for it in code, and to a person."""

    value: str
    label: str
    note: str = ""
    """A sentence about it, for whoever has to choose."""


class Choice(Widget, can_focus=True):
    """Left, right and space change it; so does a click."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space", "turn(1)", "The next value", show=False),
        Binding("left", "turn(-1)", "The value before", show=False),
        Binding("enter", "submit", "Go on", show=False),
    ]
    DEFAULT_CSS = "Choice { height: 1; width: 1fr; text-wrap: nowrap; }"

    class _About(Message):
        def __init__(self, choice: Choice) -> None:
            self.choice = choice
            super().__init__()

        @property
        def control(self) -> Choice:
            return self.choice

    class Changed(_About):
        """Another value was chosen."""

    class Offered(_About):
        """There are other values, or other notes."""

    class Submitted(_About):
        """Enter was pressed."""

    def __init__(
        self,
        glyphs: Glyphs,
        options: Sequence[Option],
        value: str = "",
        *,
        id: str,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._options = list(options)
        self._at = 0
        if value:
            self.choose(value)

    @property
    def value(self) -> str:
        return self._options[self._at].value

    def choose(self, value: str) -> None:
        """Choose a value, which is one of the options."""
        self._at = [option.value for option in self._options].index(value)
        self.refresh()

    def offers(self, value: str) -> bool:
        """Return whether a value can be chosen."""
        return any(option.value == value for option in self._options)

    @property
    def note(self) -> str:
        return self._options[self._at].note

    def offer(self, options: Sequence[Option]) -> None:
        """Offer other values, or the same with other notes; the chosen one stays if it can."""
        value = self.value
        self._options = list(options)
        values = [option.value for option in options]
        self._at = values.index(value) if value in values else 0
        self.refresh()
        self.post_message(self.Offered(self))

    def action_turn(self, step: int) -> None:
        self._at = (self._at + step) % len(self._options)
        self.refresh()
        self.post_message(self.Changed(self))

    def action_submit(self) -> None:
        self.post_message(self.Submitted(self))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_turn(1)

    def render(self) -> Content:
        option = self._options[self._at]
        width = max(cell_len(other.label) for other in self._options)
        left, right = self._glyphs.turners
        background = " on $primary 18%" if self.has_focus else " on $panel"
        return Content.assemble(
            (f" {left} ", f"$accent{background}"),
            (option.label.ljust(width), f"$foreground{background}"),
            (f" {right} ", f"$accent{background}"),
        )


class Choices(Vertical):
    """Labelled choices, and below them what is to be said about the value in hand."""

    DEFAULT_CSS = """
    Choices { height: auto; }
    Choices .note { height: auto; min-height: 2; margin: 0 0 0 12; padding: 0 1; color: $muted; }
    """

    def __init__(self, choices: Sequence[tuple[str, Choice]], *, told: str) -> None:
        """Take labels and choices; until one is in hand, the one called `told` is told of."""
        super().__init__(classes="group")
        self._choices = choices
        self._told = told

    def compose(self) -> ComposeResult:
        for label, choice in self._choices:
            yield Field(label, choice)
        yield Static(classes="note", markup=False)

    def on_mount(self) -> None:
        self.tell()

    @on(Choice.Changed)
    def _changed(self, event: Choice.Changed) -> None:
        self._told = event.choice.id or self._told
        self.tell()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._told = event.widget.id or self._told
        self.tell()

    @on(Choice.Offered)
    def tell(self) -> None:
        """Show the note, which may be another one than before."""
        self.query_one(".note", Static).update(self.query_one(f"#{self._told}", Choice).note)
