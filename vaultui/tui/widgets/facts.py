"""Lines of a label and a value, of which the Overview is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from textual.content import Content
from textual.style import Style

LABEL_CELLS: Final = 13

Line = Content


def fact(label: str, value: Content | str) -> Line:
    """Return one line; an empty label stands for that of the line above."""
    text = value if isinstance(value, Content) else Content(value)
    return Content.assemble((label.ljust(LABEL_CELLS), "$muted")) + text


def buttons(hints: Iterable[tuple[str, str, str]]) -> Content:
    """Return key and word of some actions, which a click on them does."""
    parts = [
        Content.assemble((key, "bold $accent"), (f" {word}", "$muted")).stylize(
            Style.from_meta({"@click": f"screen.perform('{action}')"})
        )
        for key, word, action in hints
    ]
    return Content("   ").join(parts)
