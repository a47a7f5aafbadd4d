"""Fields of a JSON object of the volume config, taken one by one with their types."""

from __future__ import annotations

import base64
import binascii
from typing import Any, TypeVar

from vaultui.model.errors import VolumeConfCorrupt
from vaultui.model.language import Phrase

T = TypeVar("T")


class Fields:
    """The fields of one object, read by Go's rules.

    Names match in any case, the last of several equal ones counts, and null is the same as
    left out. Everything wrong raises VolumeConfCorrupt, which names the field.
    """

    def __init__(self, fields: dict[str, Any], path: str, prefix: str) -> None:
        """`path` and `prefix` are for errors: the file, and where in it the object stands."""
        self._fields = fields
        self._path = path
        self._prefix = prefix
        self._taken: set[str] = set()

    def take(self, name: str, kind: type[T], default: T) -> T:
        """Return the value of `name` in any case, or `default` for null or none."""
        self._taken.add(name.lower())
        value = default
        for key, candidate in self._fields.items():
            if key.lower() == name.lower() and candidate is not None:
                value = candidate
        # type() and not isinstance(): true is an int to Python, but not to Go.
        if type(value) is not kind:
            raise VolumeConfCorrupt(
                path=self._path,
                reason=Phrase(
                    "{prefix}{name} is of the wrong type", prefix=self._prefix, name=name
                ),
            )
        return value

    def take_bytes(self, name: str) -> bytes:
        """Return what the base64 of `name` stands for; lines may be broken in it."""
        text = self.take(name, str, "").replace("\n", "").replace("\r", "")
        try:
            data = base64.b64decode(text, validate=True)
            if len(text) != 4 * -(-len(data) // 3):
                # Python lets padding pass that is too long, and so would take a key that has
                # lost a character for one under another password.
                raise ValueError("it has too much padding")
            return data
        except (binascii.Error, ValueError) as error:
            raise VolumeConfCorrupt(
                path=self._path,
                reason=Phrase("{prefix}{name} is not base64", prefix=self._prefix, name=name),
            ) from error

    def rest(self) -> dict[str, Any]:
        """Return the fields that nobody took."""
        return {key: value for key, value in self._fields.items() if key.lower() not in self._taken}


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
