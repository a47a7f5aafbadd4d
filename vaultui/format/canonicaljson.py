"""JSON in the one form that is authenticated: RFC 8785, restricted to integers.

Fractions are left out, since the RFC writes them as JavaScript does and nobody else, and so
are integers that JavaScript could not hold.
"""

from __future__ import annotations

import json
from typing import Any, Final

_MAX_INTEGER: Final = (1 << 53) - 1


def encode(value: Any) -> bytes:
    """Return the canonical bytes of a JSON value.

    Raises ValueError for numbers that are no integers of at most 53 bits, and for text with
    half of a surrogate pair.
    """
    text = json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8")


def decode(data: bytes) -> Any:
    """Return the JSON value in `data`, which can be read in one way only.

    Raises ValueError for what is no JSON in UTF-8, and for objects with a name twice, of which
    some programs would read the first value and some the last.
    """
    return json.loads(data.decode("utf-8"), object_pairs_hook=_without_repeats)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object has a name twice")
    return fields


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=_utf16)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > _MAX_INTEGER):
        raise ValueError("a number that is no integer of 53 bits")
    return value


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")
