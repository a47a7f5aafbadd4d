"""Keys, as a person holds them: what is said to open a vault, and what shall open it too."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self, TypeVar

from vaultui.format.keyslots import SlotKind
from vaultui.model.errors import KeyFileNeeded, KeyFileUnusable, PasswordIncorrect
from vaultui.model.secret import Secret
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.paths import absolute

T = TypeVar("T")


@dataclass(frozen=True)
class Key:
    """What is said to open a vault. Wiping it, or leaving its `with`, wipes the secret."""

    secret: Secret = field(repr=False)
    """The password, or a recovery key typed in its place; of a token the PIN; or empty."""
    key_file: str | None = None
    """Path of the file that belongs to it. None: the one that the vault remembers, if any;
    empty: none."""
    fido2_device: str = ""
    """Path of the FIDO2 token that stands for the password, or "auto" for the only one that is
    plugged in; empty for none."""

    @classmethod
    def only_file(cls, path: str | None = None) -> Self:
        """Return a key file that opens alone; None is the one that the vault remembers."""
        return cls(Secret(bytearray()), path)

    def wipe(self) -> None:
        self.secret.wipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.wipe()


class Derivation(Enum):
    """How a key is made from a password."""

    AS_IT_IS = "as-it-is"
    """As the volume has it already."""
    SCRYPT = "scrypt"
    ARGON2ID = "argon2id"
    """At a cost of about a second here; gocryptfs refuses the volume then."""


@dataclass(frozen=True)
class NewKey:
    """A key to be added. The caller wipes the password."""

    kind: SlotKind
    password: Secret | None = field(default=None, repr=False)
    """For the two kinds that have one."""
    key_file: str = ""
    """For the two kinds that have one."""
    label: str = ""
    """At most 64 characters that can be printed."""
    derivation: Derivation = Derivation.AS_IT_IS


def check_readable(key_file: str) -> None:
    """Raise KeyFileUnusable where a key file is not there, or can't be read."""
    path = absolute(key_file)
    try:
        # What has no other end yet, such as a pipe, must not be waited for.
        os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        raise KeyFileUnusable(path=path, reason=error.strerror or str(error)) from error


async def with_key_file(entry: VaultEntry, key: Key, attempt: Callable[[str], Awaitable[T]]) -> T:
    """Return what `attempt` returns, which gets the path of the key file, or "".

    A remembered file that can't be read is in nobody's way who has another key: it is left
    out then, and told only where the rest opens nothing.
    """
    path = entry.key_file if key.key_file is None else key.key_file and absolute(key.key_file)
    try:
        return await attempt(path)
    except KeyFileUnusable as unusable:
        is_remembered = key.key_file is None and unusable.details.get("path") == path
        if not is_remembered or not key.secret:
            raise
        try:
            return await attempt("")
        except (PasswordIncorrect, KeyFileNeeded):
            raise unusable from None
