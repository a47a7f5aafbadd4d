"""Values of options as Go reads them: truth values, integers, durations, owners.

Each function returns the value of a text and raises ValueError with the reason in Go's
words, which people look up.
"""

from __future__ import annotations

import re
from typing import Final

_SYNTAX: Final = "invalid syntax"
_RANGE: Final = "value out of range"


def parse_bool(text: str) -> bool:
    """Return a truth value in one of Go's spellings."""
    if text in ("1", "t", "T", "TRUE", "true", "True"):
        return True
    if text in ("0", "f", "F", "FALSE", "false", "False"):
        return False
    raise ValueError(_SYNTAX)


def parse_int(text: str) -> int:
    """Return an integer of 64 bits: in decimal, with a prefix (0x, 0o, 0b), or octal after a 0."""
    return _integer(text, -(1 << 63), (1 << 63) - 1)


def parse_uint8(text: str) -> int:
    """Return an integer from 0 to 255, in the same spellings but without a sign."""
    if text[:1] in ("+", "-"):
        raise ValueError(_SYNTAX)
    return _integer(text, 0, 255)


def parse_owner(text: str) -> tuple[int, int]:
    """Return user and group of `UID:GID`."""
    user, colon, group = text.partition(":")
    if not colon:
        raise ValueError("the form is UID:GID")
    numbers = []
    for name, part in (("UID", user), ("GID", group)):
        try:
            numbers.append(_integer(part, 0, (1 << 31) - 1))
        except ValueError:
            raise ValueError(f'the {name} "{part}" is no positive integer') from None
    return numbers[0], numbers[1]


_OCTAL: Final = re.compile(r"^([+-]?)0(?=[0-7_])")
"""What Go takes for octal is a mistake to Python: 017."""


def _integer(text: str, low: int, high: int) -> int:
    # int() takes spaces and the digits of every script besides.
    if not re.fullmatch(r"[+-]?[0-9A-Za-z_]+", text):
        raise ValueError(_SYNTAX)
    try:
        number = int(_OCTAL.sub(r"\g<1>0o", text), 0)
    except ValueError:
        raise ValueError(_SYNTAX) from None
    if not low <= number <= high:
        raise ValueError(_RANGE)
    return number


_UNIT_S: Final = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_DURATION_PART: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MAX_DURATION_S: Final = (1 << 63) / 1e9
"""Go counts nanoseconds in 64 bits, which is 292 years."""


def parse_duration(text: str) -> float:
    """Return the seconds of a duration in Go's form: 500s, 1h30m, 1.5h, or a bare 0."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest = text[1:] if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0.0
    total, end = 0.0, 0
    while part := _DURATION_PART.match(rest, end):
        total += float(part[1]) * _UNIT_S[part[2]]
        end = part.end()
    if not rest or end != len(rest) or total >= _MAX_DURATION_S:
        missing = re.fullmatch(r"[0-9.]+", rest) is not None
        raise ValueError(
            f'missing unit in duration "{text}"' if missing else f'invalid duration "{text}"'
        )
    return sign * total
