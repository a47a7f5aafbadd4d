"""-fido2: a token in the place of a password, with a person at the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from vaultui.model.errors import Fido2PinNeeded, PasswordEmpty, UsageError
from vaultui.model.secret import Secret
from vaultui.mountd.commandline.passwordsources import read_password
from vaultui.mountd.console import log
from vaultui.mountd.tokens import token
from vaultui.mountd.tokens.credential import AssertOptions


def register(device: str, user: str, words: Sequence[str]) -> tuple[dict[str, Any], Secret]:
    """Make a credential on the token; return what a volume config keeps of it, and its secret.

    `words` are those of -fido2-assert-option.
    """
    try:
        options = AssertOptions.parse(words)
    except ValueError as error:
        raise UsageError(what=f'No token knows -fido2-assert-option "{error}"') from error
    with _Holder() as holder, token.opened(device, holder) as plugged:
        log.info("FIDO2 Register: interact with your device ...")
        credential = plugged.register(user, options)
        log.info("FIDO2 Secret: interact with your device ...")
        secret = plugged.secret(credential)
        if plugged.used_pin and not options.pin:
            # fido2-assert does not ask for it by itself, as fido2-cred does.
            credential = replace(credential, options=options.with_pin())
    return credential.format(), secret


def read_secret(device: str, kept: Mapping[str, Any]) -> Secret:
    """Return the secret of a volume; `kept` is what `register` returned."""
    log.info("FIDO2 Secret: interact with your device ...")
    with _Holder() as holder:
        return token.read_secret(device, kept, holder)


class _Holder:
    """Whoever sits at the terminal: asked for the PIN once, at the first time it is wanted."""

    def __init__(self) -> None:
        self._pin: Secret | None = None

    def pin(self, device: str) -> Secret:
        if self._pin is None:
            try:
                self._pin = read_password((), (), f"PIN for {device}")
            except PasswordEmpty:
                raise Fido2PinNeeded(device=device) from None
        return self._pin.copy()

    def touch(self) -> None:
        """Was told before, in the words of gocryptfs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pin is not None:
            self._pin.wipe()
