"""One strict codec between dataclasses and JSON.

Missing fields without a default and values of the wrong type are refused with the path of
the field. Fields that the reader does not know are ignored: a newer writer may have added
them, and a message whose meaning would change with them gets a new name instead.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import types
import typing
from typing import Any, TypeVar

from vaultui.model.errors import ProtocolError

T = TypeVar("T")

MAX_MESSAGE = 4 << 20
"""Largest message in bytes. A status with a thousand open files is a tenth of it."""


def encode(message: Any) -> bytes:
    """Return the JSON of a dataclass, with its class name under "type", in ASCII."""
    fields = {"type": type(message).__name__, **_plain(message)}
    return json.dumps(fields, allow_nan=False).encode("ascii")


def decode(data: bytes | bytearray, *kinds: type[T]) -> T:
    """Return the message in `data`, which must be one of `kinds`.

    Raises ProtocolError for everything else: not JSON, too large, another type, a wrong field.
    """
    what = " or ".join(kind.__name__ for kind in kinds)
    if len(data) > MAX_MESSAGE:
        raise ProtocolError(what=what, reason=f"{len(data)} bytes are more than {MAX_MESSAGE}")
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(what=what, reason="it is not JSON") from error
    return pick(fields, *kinds)


def pick(fields: Any, *kinds: type[T]) -> T:
    """Return the message in JSON values that were parsed already; raises ProtocolError."""
    what = " or ".join(kind.__name__ for kind in kinds)
    if not isinstance(fields, dict):
        raise ProtocolError(what=what, reason="it is not an object")
    for kind in kinds:
        if fields.get("type") == kind.__name__:
            return from_plain(kind, fields)
    raise ProtocolError(what=what, reason=f"it is of type {fields.get('type')!r}")


def from_plain(kind: type[T], fields: dict[str, Any]) -> T:
    """Return `kind` made from plain JSON values; raises ProtocolError naming the wrong field."""
    return typing.cast("T", _typed(kind, fields, kind.__name__))


def to_plain(message: Any) -> dict[str, Any]:
    """Return the JSON values of a dataclass, without a type name."""
    fields: dict[str, Any] = _plain(message)
    return fields


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _typed(kind: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if kind is Any:
        return value
    if origin in (typing.Union, types.UnionType):
        return _union(kind, value, where)
    if origin in (list, tuple):
        item_kind = typing.get_args(kind)[0]
        if not isinstance(value, list):
            raise _wrong(where, "a list", value)
        return origin(_typed(item_kind, item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is dict:
        item_kind = typing.get_args(kind)[1]
        if not isinstance(value, dict):
            raise _wrong(where, "an object", value)
        return {key: _typed(item_kind, item, f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        try:
            return kind(value)
        except ValueError as error:
            raise _wrong(where, f"a {kind.__name__}", value) from error
    if kind is float and type(value) in (int, float):
        # JSON has no infinities, but Python's reader makes them, of 1e999 for instance.
        if not math.isfinite(value):
            raise _wrong(where, "a finite number", value)
        return float(value)
    plain = getattr(kind, "__supertype__", kind)  # a NewType is checked as what it wraps
    if type(value) is not plain:  # bool is an int to isinstance, and must not be one here
        raise _wrong(where, plain.__name__, value)
    return value


def _union(kind: Any, value: Any, where: str) -> Any:
    members = typing.get_args(kind)
    if value is None and type(None) in members:
        return None
    failure: ProtocolError | None = None
    for member in members:
        if member is not type(None):
            try:
                return _typed(member, value, where)
            except ProtocolError as error:
                failure = error
    raise failure or _wrong(where, "nothing", value)


def _dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(where, "an object", value)
    given = {}
    for name, hint, required in _fields(kind):
        if name in value:
            given[name] = _typed(hint, value[name], f"{where}.{name}")
        elif required:
            raise ProtocolError(what=where, reason=f"{name} is missing")
    return kind(**given)


@functools.cache
def _fields(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return name, type and "must be given" of each field.

    Once for a class: its annotations are compiled for it, which took a third of what a look at
    ten open vaults cost.
    """
    hints = typing.get_type_hints(kind)
    missing = dataclasses.MISSING
    return tuple(
        (field.name, hints[field.name], field.default is missing is field.default_factory)
        for field in dataclasses.fields(kind)
    )


def _wrong(where: str, wanted: str, value: Any) -> ProtocolError:
    # The value itself stays out of the error: it may be part of something secret.
    return ProtocolError(what=where, reason=f"it should be {wanted}, not {type(value).__name__}")
