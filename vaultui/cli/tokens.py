"""A FIDO2 token in the place of a password, with its PIN if it wants that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from vaultui.cli.output import shown
from vaultui.cli.passwords import explicit_password
from vaultui.cli.prompt import ask_password, has_terminal
from vaultui.cli.session import Session
from vaultui.model.errors import Fido2PinIncorrect, Fido2PinNeeded
from vaultui.model.language import _
from vaultui.model.secret import Secret
from vaultui.vaults import Key

_ONLY_ONE: Final = "auto"
_TRIES: Final = 2
"""A third wrong PIN blocks a token until it is plugged in again."""

T = TypeVar("T")


def token_of(session: Session, name: str) -> str:
    """Return the device that stands for the password of a vault, "" where a password opens it."""
    if not session.run(session.vaults.keys.is_token(name)):
        return ""
    device: str | None = session.arguments.fido2
    return device or _ONLY_ONE


def with_token(session: Session, name: str, device: str, attempt: Callable[[Key], T]) -> T:
    """Return what `attempt` returns with the token at `device`.

    A password that was named on the command line is the PIN. Otherwise it is asked for on the
    terminal when the token wants one; raises Fido2PinNeeded where there is none.
    """
    session.output.step(_("Touch the token when it blinks…"))
    explicit = explicit_password(session)
    if explicit is not None:
        with Key(explicit[0], fido2_device=device) as key:
            return attempt(key)
    try:
        return attempt(Key(Secret(bytearray()), fido2_device=device))
    except Fido2PinNeeded:
        if not has_terminal():
            raise
        session.output.clear_step()
    for tries_left in reversed(range(_TRIES)):
        try:
            pin = ask_password(_("PIN of the token for {name}: ", name=shown(name)))
            with Key(pin, fido2_device=device) as key:
                return attempt(key)
        except Fido2PinIncorrect as error:
            if not tries_left:
                raise
            session.output.note(shown(error.summary))
    raise AssertionError("the loop returns or raises")
