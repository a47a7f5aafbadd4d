"""The bottom line: which keys do what now. Keys that do not apply are dim, and still say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget


@dataclass(frozen=True)
class KeyHint:
    """One entry of the bar."""

    key: str
    label: str
    action: str
    """What a click does, as a binding would name it."""
    applies: bool = True
    rank: int = 0
    """The greater it is, the sooner it leaves a bar that is too narrow."""

    @property
    def width(self) -> int:
        return cell_len(self.key) + cell_len(self.label) + 3


class KeyBar(Widget):
    """A line of hints, in the given order, as many as fit."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; width: 100%; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._hints: tuple[KeyHint, ...] = ()
        self._spans: list[tuple[int, int, KeyHint]] = []

    def show(self, hints: Sequence[KeyHint]) -> None:
        """Show these hints."""
        if tuple(hints) != self._hints:
            self._hints = tuple(hints)
            self.refresh()

    def render(self) -> Content:
        fitting = _fitting(self._hints, self.size.width - 1)
        self._spans = []
        parts: list[Content | tuple[str, str]] = [(" ", "")]
        column = 1
        for hint in fitting:
            key_style, label_style = (
                ("bold $accent", "$foreground") if hint.applies else ("dim $muted", "dim $muted")
            )
            parts += [(hint.key, key_style), (" ", ""), (hint.label, label_style), ("  ", "")]
            self._spans.append((column, column + hint.width, hint))
            column += hint.width
        return Content.assemble(*parts)

    async def on_click(self, event: events.Click) -> None:
        for start, end, hint in self._spans:
            if start <= event.x < end:
                await self.screen.run_action(hint.action)


def _fitting(hints: Sequence[KeyHint], width: int) -> list[KeyHint]:
    """Return the hints that fit into `width` cells; those of the highest rank leave first."""
    kept = list(hints)
    while kept and sum(hint.width for hint in kept) - 2 > width:
        kept.remove(max(kept, key=lambda hint: hint.rank))
    return kept
