"""How a token gets to know its user before a command (CTAP 2.1 section 6.5)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final, Protocol

from fido2.ctap import STATUS, CtapError
from fido2.ctap2.base import Ctap2
from fido2.ctap2.pin import ClientPin

from vaultui.model.errors import Fido2PinIncorrect, Fido2TokenFailed
from vaultui.model.language import N_
from vaultui.model.secret import Secret

_PIN_BYTES: Final = range(4, 64)
Permission = ClientPin.PERMISSION


class Holder(Protocol):
    """Whoever has the token in the hand."""

    def pin(self, device: str) -> Secret:
        """Return the PIN, which the caller wipes. Raises Fido2PinNeeded where nobody knows it."""

    def touch(self) -> None:
        """The token waits for a finger."""


class Proof(Enum):
    """What shows the token that it is its user who asks."""

    NONE = auto()
    BUILT_IN = auto()
    """A fingerprint reader or the like on the token."""
    PIN = auto()


class Verification:
    """The PIN protocol of one token: secrets that are shared with it, and proofs."""

    def __init__(self, device: str, ctap: Ctap2, holder: Holder, relying_party: str) -> None:
        self._device = device
        self._ctap = ctap
        self._holder = holder
        self._relying_party = relying_party
        self.protocol = ClientPin(ctap).protocol
        self._has_permissions = ClientPin.is_token_supported(ctap.info)

    @property
    def has_pin(self) -> bool:
        return self._ctap.info.options.get("clientPin") is True

    @property
    def before_verified_assertion(self) -> Proof:
        """What comes first where a volume asks for user verification, as libfido2 has it.

        A token before CTAP 2.1 verifies by itself, as an option of the command.
        """
        if not self._has_permissions:
            return Proof.NONE
        return Proof.BUILT_IN if self._ctap.info.options.get("uv") else Proof.PIN

    def agree(self) -> tuple[Any, bytes]:
        """Return a public key of ours, and the secret that the token shares with us by it."""
        answer = self._ctap.client_pin(self.protocol.VERSION, ClientPin.CMD.GET_KEY_AGREEMENT)
        return self.protocol.encapsulate(answer[ClientPin.RESULT.KEY_AGREEMENT])

    def arguments(self, proof: Proof, client_data: bytes, permission: Permission) -> dict[str, Any]:
        """Return the arguments that a command has for the proof.

        Raises Fido2PinNeeded, Fido2PinIncorrect, and CtapError.
        """
        if proof is Proof.NONE:
            return {}
        if proof is Proof.PIN:
            token = self._token_by_pin(permission)
        else:
            token = ClientPin(self._ctap, self.protocol).get_uv_token(
                permission, self._relying_party, on_keepalive=self.on_keepalive
            )
        return {
            "pin_uv_param": self.protocol.authenticate(token, client_data),
            "pin_uv_protocol": self.protocol.VERSION,
        }

    @property
    def on_keepalive(self) -> Callable[[int], None]:
        """What the library calls while a token is busy, or waits for a finger."""
        return lambda status: self._holder.touch() if status == STATUS.UPNEEDED else None

    def _token_by_pin(self, permission: Permission) -> bytes:
        """Return what stands for the PIN. The library's own way to it takes the PIN as text."""
        key_agreement, shared = self.agree()
        with self._holder.pin(self._device) as pin, pin.view as view:
            if len(view) not in _PIN_BYTES:
                raise Fido2TokenFailed(device=self._device, reason=N_("a PIN has 4 to 63 bytes"))
            digest = hashlib.sha256(view).digest()[:16]
        command = ClientPin.CMD.GET_TOKEN_USING_PIN_LEGACY
        scope: dict[str, Any] = {}
        if self._has_permissions:
            command = ClientPin.CMD.GET_TOKEN_USING_PIN
            scope = {"permissions": permission, "permissions_rpid": self._relying_party}
        try:
            answer = self._ctap.client_pin(
                self.protocol.VERSION,
                command,
                key_agreement=key_agreement,
                pin_hash_enc=self.protocol.encrypt(shared, digest),
                **scope,
            )
        except CtapError as error:
            if error.code is not CtapError.ERR.PIN_INVALID:
                raise
            left, _ = ClientPin(self._ctap, self.protocol).get_pin_retries()
            raise Fido2PinIncorrect(device=self._device, left=left) from error
        token = self.protocol.decrypt(shared, answer[ClientPin.RESULT.PIN_UV_TOKEN])
        return self.protocol.validate_token(token)
