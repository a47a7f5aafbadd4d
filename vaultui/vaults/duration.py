"""Times as people write them: 90s, 15m, 1h30m, never."""

from __future__ import annotations

import re

from vaultui.model.language import N_, Phrase

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PARTS = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
LONGEST = 366 * _UNITS["d"]
"""A year: what is longer is a slip of the finger."""


def parse_duration(text: str) -> float:
    """Return the seconds that `text` means, 0 for "never" and "0"; raises ValueError with a phrase.

    A bare number is refused: 15 may mean minutes to one reader and seconds to the next.
    """
    compact = text.replace(" ", "").lower()
    if compact in {"never", "off", "0"}:
        return 0.0
    match = _PARTS.fullmatch(compact)
    if not match or not any(match.groups()):
        wrong = (
            N_("{text} is not a time like 15m, 1h30m or never (which unit? 15m, 90s, 2h)")
            if compact.isdecimal()
            else N_("{text} is not a time like 15m, 1h30m or never")
        )
        raise ValueError(Phrase(wrong, text=repr(text)))
    seconds = sum(
        int(count) * size for count, size in zip(match.groups("0"), _UNITS.values(), strict=True)
    )
    if seconds > LONGEST:
        raise ValueError(Phrase("{text} is longer than a year", text=repr(text)))
    return float(seconds)


def format_duration(seconds: float) -> str:
    """Return the text that `parse_duration` reads back as the same whole seconds."""
    left = round(seconds)
    if left <= 0:
        return N_("never")
    words = []
    for unit, size in _UNITS.items():
        count, left = divmod(left, size)
        if count:
            words.append(f"{count}{unit}")
    return "".join(words)
