"""What a volume config keeps of the token that opens the volume."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

_SALT_BYTES: Final = (32, 64)
_VALUES: Final = {"true": True, "false": False}


class CredentialDamaged(ValueError):
    """The volume config has something else in the place of a credential."""


@dataclass(frozen=True)
class AssertOptions:
    """What the token is asked to check, in the words of fido2-assert(1); None for its own way."""

    words: tuple[str, ...] = ()
    user_presence: bool | None = None
    user_verification: bool | None = None
    pin: bool | None = None

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """Return what `up=false`, `uv=true`, `pin=true` and the like ask for.

        The last of a kind counts. Raises ValueError with the word that is none.
        """
        found: dict[str, bool] = {}
        for word in words:
            name, _, value = word.partition("=")
            if name not in ("up", "uv", "pin") or value not in _VALUES:
                raise ValueError(word)
            found[name] = _VALUES[value]
        return cls(tuple(words), found.get("up"), found.get("uv"), found.get("pin"))

    def with_pin(self) -> Self:
        """Return the same with `pin=true`."""
        return self.parse((*self.words, "pin=true"))


@dataclass(frozen=True)
class Credential:
    """A key of the token, by name, and the salt that makes the secret of this volume with it."""

    id: bytes
    salt: bytes
    options: AssertOptions

    @classmethod
    def parse(cls, kept: Mapping[str, Any]) -> Self:
        """Return what `format` wrote. Raises CredentialDamaged."""
        words = kept.get("AssertOptions") or []
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            raise CredentialDamaged("AssertOptions")
        try:
            name, salt = (
                base64.b64decode(kept.get(field, ""), validate=True)
                for field in ("CredentialID", "HMACSalt")
            )
            options = AssertOptions.parse(words)
        except (TypeError, ValueError, binascii.Error) as error:
            raise CredentialDamaged(str(error)) from error
        if not name or len(salt) not in _SALT_BYTES:
            raise CredentialDamaged("a length")
        return cls(name, salt, options)

    def format(self) -> dict[str, Any]:
        """Return the object "FIDO2" of a volume config."""
        kept: dict[str, Any] = {
            "CredentialID": base64.b64encode(self.id).decode("ascii"),
            "HMACSalt": base64.b64encode(self.salt).decode("ascii"),
        }
        if self.options.words:
            kept["AssertOptions"] = list(self.options.words)
        return kept
