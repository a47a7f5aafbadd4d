"""Which source a password comes from: an explicit one, the keyring, the terminal, or none."""

from __future__ import annotations

from collections.abc import Sequence

from vaultui.cli.output import shown
from vaultui.cli.prompt import ask_new_password, ask_password, has_terminal
from vaultui.cli.session import Session
from vaultui.model.errors import (
    KeyringUnavailable,
    PasswordMismatch,
    PasswordUnavailable,
    UsageError,
    VaultuiError,
)
from vaultui.model.language import N_, Phrase, _
from vaultui.model.secret import Secret
from vaultui.vaults import PasswordSource, SlotInfo, SlotKind
from vaultui.vaults.keyringclient import can_prompt
from vaultui.vaults.passphrase import from_command, from_descriptor, from_file, protect

KEYRING_PATIENCE_S = 5.0
"""For a keyring that has nobody to ask. With a desktop a person may have to type."""
KEYRING_PATIENCE_DESKTOP_S = 60.0

_WITH_PASSWORD = (SlotKind.PASSWORD, SlotKind.PASSWORD_AND_KEY_FILE)

TRIES = 3
"""How often a password may be typed, as login has it."""


def explicit_password(session: Session) -> tuple[Secret, PasswordSource] | None:
    """Return the password of the source that was named on the command line, or None."""
    arguments = session.arguments
    if arguments.password_file is not None:
        protect()
        return from_file(arguments.password_file), PasswordSource.FILE
    if arguments.password_fd is not None:
        protect()
        return from_descriptor(_descriptor(arguments.password_fd)), PasswordSource.DESCRIPTOR
    if arguments.password_command is not None:
        protect()
        return from_command(arguments.password_command), PasswordSource.COMMAND
    return None


def saved_password(session: Session, name: str) -> tuple[Secret | None, str]:
    """Return the password from the keyring, or None and why there is none."""
    if session.keyring_failure:
        return None, session.keyring_failure
    patience = KEYRING_PATIENCE_DESKTOP_S if can_prompt() else KEYRING_PATIENCE_S
    protect()
    session.output.step(_("Asking the keyring…"))
    try:
        password = session.run(session.vaults.keyring.find(name, timeout_s=patience))
    except KeyringUnavailable as error:
        session.keyring_failure = str(error.details.get("reason", error.phrase))
        return None, session.keyring_failure
    except VaultuiError as error:
        if has_terminal():
            session.output.note(shown(error.summary))
        session.keyring_failure = Phrase(error.phrase.rstrip("."))
        return None, session.keyring_failure
    finally:
        session.output.clear_step()
    return password, "" if password else N_("none is saved in the keyring")


def typed_password(name: str, reason: str, slots: Sequence[SlotInfo] = ()) -> Secret:
    """Ask on the terminal for what opens a vault with these keys.

    Raises PasswordUnavailable with `reason` where there is no terminal.
    """
    if not has_terminal():
        raise nothing_to_type_on(name, reason)
    has_password = not slots or any(slot.kind in _WITH_PASSWORD for slot in slots)
    prompt = N_("Password for {name}: ") if has_password else N_("Recovery key of {name}: ")
    return ask_password(_(prompt, name=shown(name)))


def nothing_to_type_on(name: str, reason: str) -> PasswordUnavailable:
    """Return the error that there is no terminal, where `reason` says why one is needed."""
    words = N_("{reason}, and there is no terminal to ask in")
    return PasswordUnavailable(
        name=name, reason=Phrase(words, reason=Phrase(reason)) if reason else "?"
    )


def save_password(session: Session, name: str, password: Secret) -> None:
    """Save a password that has just proven right; that it can't be is told, and no failure."""
    try:
        keyring = session.run(session.vaults.keyring.save(name, password))
    except VaultuiError as error:
        session.output.note(f"vaultui: {shown(error.summary)} {shown(error.hint)}")
    else:
        session.output.note(_("The password is saved in {label}.", label=shown(keyring.label)))


def new_password(session: Session, name: str) -> Secret:
    """Return a new password, typed twice on the terminal."""
    if not has_terminal():
        raise PasswordUnavailable(
            name=name, reason=N_("there is no terminal to ask for a new one in")
        )
    for tries_left in reversed(range(TRIES)):
        try:
            return ask_new_password(shown(name))
        except PasswordMismatch as error:
            if not tries_left:
                raise
            session.output.note(error.summary)
    raise AssertionError("the loop returns or raises")


def named_new_password(session: Session) -> Secret | None:
    """Return the new password of the source that was named for it, or None."""
    arguments = session.arguments
    if arguments.new_password_file is not None:
        return from_file(arguments.new_password_file)
    if arguments.new_password_fd is not None:
        return from_descriptor(_descriptor(arguments.new_password_fd))
    return None


def _descriptor(number: int) -> int:
    if number < 0:
        raise UsageError(what=Phrase("{number} is not a descriptor", number=number))
    return number
