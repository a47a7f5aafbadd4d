"""Times of day as people write them: 18:00, or 2026-11-22 18:00."""

from __future__ import annotations

import re
import time
from typing import Final

from vaultui.model.language import N_, Phrase

_CLOCK: Final = re.compile(r"(?:(\d{4})-(\d\d?)-(\d\d?)[ T])?(\d\d?):(\d\d)")


def parse_clock(text: str, now: float) -> float:
    """Return when that is next, here, in seconds since the epoch.

    Raises ValueError with a phrase for what is no time, and for a day that is over.
    """
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            Phrase(N_("{text} is not a time like 18:00 or 2026-11-22 18:00"), text=repr(text))
        )
    year, month, day = (int(part or 0) for part in match.groups()[:3])
    hour, minute = int(match[4]), int(match[5])
    today = time.localtime(now)
    if not year:
        at = _moment(today.tm_year, today.tm_mon, today.tm_mday, hour, minute)
        if at is not None and at <= now:
            # The day after the last of a month is the first of the next one.
            at = time.mktime((*today[:2], today.tm_mday + 1, hour, minute, 0, 0, 0, -1))
    else:
        at = _moment(year, month, day, hour, minute)
    if at is None:
        raise ValueError(Phrase("there is no time {text}", text=repr(text)))
    if at <= now:
        raise ValueError(Phrase("{text} is over", text=repr(text)))
    return at


def _moment(year: int, month: int, day: int, hour: int, minute: int) -> float | None:
    """Return a time of here as one of the epoch; None where no calendar or clock has it."""
    at = time.mktime((year, month, day, hour, minute, 0, 0, 0, -1))
    # The clock leaves an hour out in spring; what falls into it is taken as the hour after.
    is_real = time.localtime(at)[:3] == (year, month, day) and hour < 24 and minute < 60
    return at if is_real else None
