"""What opens a vault now: from the first source that has it, and typed again while it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from vaultui.cli.output import shown
from vaultui.cli.passwords import TRIES, explicit_password, saved_password, typed_password
from vaultui.cli.prompt import has_terminal
from vaultui.cli.session import Session
from vaultui.cli.tokens import token_of, with_token
from vaultui.model.errors import (
    Fido2TokenNeeded,
    KeyFileIncorrect,
    KeyFileNeeded,
    KeyFileUnusable,
    PasswordIncorrect,
    RecoveryKeyMistyped,
    SavedPasswordIncorrect,
)
from vaultui.model.language import _
from vaultui.vaults import Key, PasswordSource, SlotInfo, SlotKind
from vaultui.vaults.key import check_readable

T = TypeVar("T")
Attempt = Callable[[Key, PasswordSource], T]
"""What is done with a key. It is called again after a key that turns out wrong, so it finds that
out before it changes anything or asks for anything else."""

_WITH_FILE = {SlotKind.KEY_FILE, SlotKind.PASSWORD_AND_KEY_FILE}


class NeedsTyping(Exception):
    """What opens a vault has to be typed; `reason` says why nothing else does."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def with_key_or_token(session: Session, name: str, attempt: Attempt[T], *, ask: bool = True) -> T:
    """Return what `attempt` returns with what opens a vault now, a FIDO2 token or a key."""
    if device := token_of(session, name):
        return with_token(session, name, device, lambda key: attempt(key, PasswordSource.FIDO2))
    return with_key(session, name, attempt, ask=ask)


def with_key(session: Session, name: str, attempt: Attempt[T], *, ask: bool = True) -> T:
    """Return what `attempt` returns with a key: a named one, a key file, a saved or typed password.

    Raises NeedsTyping instead of asking without `ask`. What is wrong with the volume itself, or
    with a key file without which nothing opens it, is told before anybody is asked for a password;
    where one is named, by `attempt`.
    """
    if session.run(session.vaults.keys.is_token(name)):
        raise Fido2TokenNeeded
    key_file: str | None = session.arguments.key_file
    explicit = explicit_password(session)
    if explicit is not None:
        password, source = explicit
        with Key(password, key_file) as key:
            return attempt(key, source)
    # Here and not above: it starts a backend, and takes as long as an unlock.
    slots = session.run(session.vaults.keys.slots(name))
    alone = _key_file_alone(session, name, slots)
    if alone is not None:
        return attempt(alone, PasswordSource.KEY_FILE)
    saved, reason = saved_password(session, name)
    if saved is not None:
        try:
            with Key(saved, key_file) as key:
                return attempt(key, PasswordSource.KEYRING)
        except PasswordIncorrect as error:
            wrong = SavedPasswordIncorrect(name=name)
            if not has_terminal():
                raise wrong from error
            session.output.note(f"{shown(wrong.summary)} {shown(wrong.hint)}")
    if not ask:
        raise NeedsTyping(reason)
    return _with_typed(session, name, reason, slots, attempt)


def _with_typed(
    session: Session, name: str, reason: str, slots: Sequence[SlotInfo], attempt: Attempt[T]
) -> T:
    for tries_left in reversed(range(TRIES)):
        try:
            with Key(typed_password(name, reason, slots), session.arguments.key_file) as key:
                return attempt(key, PasswordSource.TYPED)
        except (PasswordIncorrect, RecoveryKeyMistyped) as error:
            if not tries_left:
                raise
            session.output.note(f"{shown(error.summary)} {shown(error.hint)}")
            if any(slot.kind == SlotKind.RECOVERY_KEY for slot in slots):
                session.output.note(_("The recovery key can be typed in its place."))
    raise AssertionError("the loop returns or raises")


def _key_file_alone(session: Session, name: str, slots: Sequence[SlotInfo]) -> Key | None:
    """Return the key file that was named, or is remembered, where it opens the vault alone.

    Returns None where a password is needed. Raises what is wrong with a key file where there
    is nothing else to open the vault with, or where it was named.
    """
    named: str | None = session.arguments.key_file
    path = session.vaults.entry(name).key_file if named is None else named
    kinds = {slot.kind for slot in slots}
    if kinds <= _WITH_FILE:
        if not path:
            raise KeyFileNeeded
        check_readable(path)
    if not path or SlotKind.KEY_FILE not in kinds:
        return None
    key = Key.only_file(named)
    if kinds == {SlotKind.KEY_FILE}:
        return key
    session.output.step(_("Trying the key file…"))
    try:
        session.run(session.vaults.keys.verify(name, key))
    except (KeyFileIncorrect, KeyFileUnusable) as error:
        if named is not None and SlotKind.PASSWORD_AND_KEY_FILE not in kinds:
            raise
        session.output.note(shown(error.summary))
        return None
    finally:
        session.output.clear_step()
    return key
