"""What has happened to a vault, read back from its log.

The log is written by each of its backends and by their keepers, and outlives them: so the time
line begins before the last lock and before the last start of any front end, and has the failed
attempts too, of which no backend was left to tell.

    2026-11-22 14:04:27,405 INFO    unlocked: typed
    2026-11-22 14:04:28,000 WARNING corrupt-content: 'letters/ada.txt': block 3
    2026-11-22 14:04:29,000 ERROR   Password incorrect.
    2026-11-22 14:04:29 keeper: the backend (pid 30813) ended: exit code 12
"""

from __future__ import annotations

import ast
import re
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from vaultui.wire.control import EventKind

_LINE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:,\d+)? (?:(keeper): |([A-Z]+) +)(.*)", re.DOTALL
)
_QUOTED: Final = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?:: (.*))?""", re.DOTALL)
_ENDED: Final = re.compile(r"the backend \(pid \d+\) ended: (?!exit code 0$)(.*)")
_ALARMS: Final = frozenset({"WARNING", "ERROR", "CRITICAL"})
_KINDS: Final = {kind.value: kind for kind in EventKind}


@dataclass(frozen=True)
class Moment:
    """One entry of the time line."""

    at: float
    """Seconds since the epoch, without fractions: a log has the time of day of its place."""
    kind: EventKind | None
    """None for what is no event: a failure before the vault was open, or the end of a backend."""
    path: str = ""
    detail: str = ""
    ended: bool = False
    """The backend has ended otherwise than by locking; `detail` says how."""


def moments(lines: Iterable[str]) -> list[Moment]:
    """Return what the lines of a log tell, oldest first; what is no entry of it is left out.

    A backend that says why it fails ends by that: its end is not told once more.
    """
    found: list[Moment] = []
    for moment in _read(lines):
        failed_just_now = bool(found) and found[-1].kind is None and not found[-1].ended
        if not (moment.ended and failed_just_now):
            found.append(moment)
    return found


def _read(lines: Iterable[str]) -> Iterator[Moment]:
    for line in lines:
        if match := _LINE.fullmatch(line):
            stamp, keeper, level, text = match.groups()
            try:
                at = time.mktime(time.strptime(stamp, "%Y-%m-%d %H:%M:%S"))
            except (ValueError, OverflowError):  # digits, but no time
                continue
            if keeper:
                if end := _ENDED.fullmatch(text):
                    yield Moment(at, None, detail=end[1], ended=True)
                continue
            word, _colon, rest = text.partition(": ")
            if word in _KINDS:
                yield _event(at, _KINDS[word], rest)
            elif level in _ALARMS:
                yield Moment(at, None, detail=text)


def _event(at: float, kind: EventKind, rest: str) -> Moment:
    quoted = _QUOTED.fullmatch(rest)
    if quoted is None:
        return Moment(at, kind, detail=rest)
    try:
        with warnings.catch_warnings(action="error"):
            path = str(ast.literal_eval(quoted[1]))
    except (SyntaxError, ValueError):  # quoted by somebody else than a backend
        return Moment(at, kind, detail=rest)
    return Moment(at, kind, path=path, detail=quoted[2] or "")
