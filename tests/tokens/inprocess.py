"""A software token in the same process as the library that speaks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event

from authenticator import ERR, Authenticator, Refused
from fido2.ctap import STATUS, CtapDevice
from fido2.ctap2.base import Ctap2
from fido2.hid import CAPABILITY

from vaultui.model.errors import Fido2PinNeeded
from vaultui.model.secret import Secret
from vaultui.mountd.tokens.token import Token

DEVICE = "/dev/hidraw0"


class InProcess(CtapDevice):
    """Hands commands to an authenticator as they are, without a transport."""

    capabilities = CAPABILITY.CBOR

    def __init__(self, authenticator: Authenticator, is_touched: bool = True) -> None:
        self._authenticator = authenticator
        self._is_touched = is_touched

    def call(
        self,
        cmd: int,
        data: bytes = b"",
        event: Event | None = None,
        on_keepalive: Callable[[STATUS], None] | None = None,
    ) -> bytes:
        def wait_for_touch() -> None:
            assert on_keepalive is not None
            on_keepalive(STATUS.PROCESSING)
            on_keepalive(STATUS.UPNEEDED)
            if not self._is_touched:
                raise Refused(ERR.USER_ACTION_TIMEOUT)

        return self._authenticator.answer(data, wait_for_touch)

    @classmethod
    def list_devices(cls) -> Iterator[CtapDevice]:
        yield from ()


class Person:
    """Whoever has the token: knows a PIN or none, and notes what was wanted."""

    def __init__(self, pin: bytes = b"") -> None:
        self._pin = pin
        self.wanted: list[str] = []

    def pin(self, device: str) -> Secret:
        self.wanted.append("PIN")
        if not self._pin:
            raise Fido2PinNeeded(device=device)
        return Secret(bytearray(self._pin))

    def touch(self) -> None:
        self.wanted.append("touch")


def token(authenticator: Authenticator, person: Person, *, is_touched: bool = True) -> Token:
    return Token(DEVICE, Ctap2(InProcess(authenticator, is_touched)), person)
