"""How values read to people, in a verb's output and on the screen alike: paths, times, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vaultui.model.language import _
from vaultui.model.terminaltext import shown

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def place(path: str, home: str | None = None) -> str:
    """Return a path as people write it, with ~ for the home directory."""
    home = str(Path.home()) if home is None else home
    if home != "/" and (path == home or path.startswith(home + "/")):
        path = "~" + path[len(home) :]
    return shown(path)


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
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, length)
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


def listed(names: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    return _("{first} and {last}", first=", ".join(names[:-1]), last=names[-1])
