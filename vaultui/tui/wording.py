"""How values read on the screen: paths, times, sizes. Pure functions, in cells of a terminal.

What comes from outside (names, paths, log lines) passes through `shown` once: bytes that are
not UTF-8, control characters and characters that turn the direction of text would break the
terminal, and are spelled out instead.
"""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len, set_cell_size

from vaultui.model.language import _
from vaultui.model.terminaltext import shown as shown

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def place(path: str, home: str | None = None) -> str:
    """Return a path as people write it, with ~ for the home directory."""
    home = str(Path.home()) if home is None else home
    if home != "/" and (path == home or path.startswith(home + "/")):
        path = "~" + path[len(home) :]
    return shown(path)


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


def clock(seconds: float) -> str:
    """Return a countdown: 07:12, or 1:02:03 from an hour on. Negative times are 00:00."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def span(seconds: float) -> str:
    """Return a length of time in its two greatest units: 7 min 48 s, 15 min."""
    whole = max(0, round(seconds))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def size(count: float) -> str:
    """Return bytes in the greatest fitting binary unit: 0 B, 812 B, 1.2 MiB, 412 MiB."""
    step = 0
    while count >= 1024 and step < len(_UNITS) - 1:
        count /= 1024
        step += 1
    return (
        f"{count:.0f} {_UNITS[step]}"
        if step == 0 or count >= 100
        else f"{count:.1f} {_UNITS[step]}"
    )


def sentence(text: str) -> str:
    """Return a few words as a sentence, with a capital and a full stop."""
    return f"{text[:1].upper()}{text[1:]}."


def listed(names: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return _("{first} and {last}", first=", ".join(names[:-1]), last=names[-1])
