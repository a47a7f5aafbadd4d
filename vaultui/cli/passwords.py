"""Which source a password comes from: an explicit one, the keyring, the terminal, or none."""

from __future__ import annotations

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
from vaultui.model.secret import Secret
from vaultui.vaults import PasswordSource
from vaultui.vaults.keyringclient import can_prompt
from vaultui.vaults.passphrase import from_command, from_descriptor, from_file, protect

KEYRING_PATIENCE_S = 5.0
"""For a keyring that has nobody to ask. With a desktop a person may have to type."""
KEYRING_PATIENCE_DESKTOP_S = 60.0

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
    patience = KEYRING_PATIENCE_DESKTOP_S if can_prompt() else KEYRING_PATIENCE_S
    protect()
    session.output.step("Asking the keyring…")
    try:
        password = session.run(session.vaults.saved_password(name, timeout_s=patience))
    except KeyringUnavailable as error:
        return None, str(error.details.get("reason", error.summary))
    except VaultuiError as error:
        if has_terminal():
            session.output.note(shown(error.summary))
        return None, error.summary.rstrip(".")
    finally:
        session.output.clear_step()
    return password, "" if password else "none is saved in the keyring"


def typed_password(name: str, reason: str) -> Secret:
    """Ask on the terminal; raises PasswordUnavailable with `reason` where there is none."""
    if not has_terminal():
        raise PasswordUnavailable(
            name=name, reason=f"{reason}, and there is no terminal to ask in" if reason else "?"
        )
    return ask_password(f"Password for {shown(name)}: ")


def current_password(session: Session, name: str) -> Secret:
    """Return the password that a vault has, for what is done to its volume.

    What is wrong with the volume itself is told before anybody is asked for it.
    """
    session.run(session.vaults.info(name))
    explicit = explicit_password(session)
    if explicit is not None:
        return explicit[0]
    saved, reason = saved_password(session, name)
    return saved if saved is not None else typed_password(name, reason)


def new_password(session: Session, name: str) -> Secret:
    """Return a new password, typed twice on the terminal."""
    if not has_terminal():
        raise PasswordUnavailable(name=name, reason="there is no terminal to ask for a new one in")
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
    if arguments.new_password_file is not None and arguments.new_password_fd is not None:
        raise UsageError(what="Only one of --new-password-file and --new-password-fd can be given")
    if arguments.new_password_file is not None:
        return from_file(arguments.new_password_file)
    if arguments.new_password_fd is not None:
        return from_descriptor(_descriptor(arguments.new_password_fd))
    return None


def _descriptor(number: int) -> int:
    if number < 0:
        raise UsageError(what=f"{number} is not a descriptor")
    return number
