"""How text fits on the screen. Pure functions, in cells of a terminal.

What comes from outside (names, paths, log lines) passes through `shown` once: bytes that are
not UTF-8, control characters and characters that turn the direction of text would break the
terminal, and are spelled out instead.
"""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from vaultui.model.terminaltext import shown as shown
from vaultui.model.values import clock as clock
from vaultui.model.values import listed as listed
from vaultui.model.values import place as place
from vaultui.model.values import size as size
from vaultui.model.values import span as span


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """Return `text` in exactly `width` cells: cut at its end, or padded with spaces."""
    if width <= 0:
        return ""
    if cell_len(text) > width:
        return set_cell_size(text, width - 1) + ellipsis
    return set_cell_size(text, width)


def clip(text: str, width: int, ellipsis: str = "…") -> str:
    """Return `text` in at most `width` cells, cut at its end."""
    return fit(text, width, ellipsis) if cell_len(text) > width else text


def clip_path(path: str, width: int, ellipsis: str = "…") -> str:
    """Return a path in at most `width` cells; its end matters most, so it loses its beginning."""
    if cell_len(path) <= width or width <= 0:
        return path if width > 0 else ""
    kept = path
    while kept and cell_len(kept) > width - 1:
        kept = kept[1:]
    return ellipsis + kept


def sentence(text: str) -> str:
    """Return a few words as a sentence, with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."
