"""The two things that are asked of a token: a new credential, and the secret of one.

They are asked without a PIN first. Only where the volume config says `pin=true`, or where the
token insists, its PIN is wanted, as fido2-cred(1) does it. fido2-assert(1) gives up on a token
that insists: a volume that is made with one has to say `pin=true`, so that gocryptfs opens it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from fido2.ctap import CtapError
from fido2.ctap2.base import Ctap2

from vaultui.model.errors import Fido2TokenFailed
from vaultui.model.secret import Secret
from vaultui.mountd.tokens import devices
from vaultui.mountd.tokens.credential import AssertOptions, Credential, CredentialDamaged
from vaultui.mountd.tokens.refusals import WANTS_PIN, told
from vaultui.mountd.tokens.verification import Holder, Permission, Proof, Verification

_RELYING_PARTY: Final = "gocryptfs"
_EXTENSION: Final = "hmac-secret"
_RANDOM_BYTES: Final = 32
_ES256: Final = {"alg": -7, "type": "public-key"}

T = TypeVar("T")


class Token:
    """A token that is plugged in; all methods raise the errors of `told`."""

    def __init__(self, device: str, ctap: Ctap2, holder: Holder) -> None:
        self._device = device
        self._ctap = ctap
        self._user = Verification(device, ctap, holder, _RELYING_PARTY)
        self.used_pin = False
        """The PIN was needed for what was done last."""

    def register(self, user: str, options: AssertOptions) -> Credential:
        """Make a credential for a new volume."""
        if _EXTENSION not in self._ctap.info.extensions:
            raise self._failed(f"it has no {_EXTENSION}")
        with told(self._device):
            name = self._make_credential(user)
        return Credential(name, os.urandom(_RANDOM_BYTES), options)

    def secret(self, credential: Credential) -> Secret:
        """Return what the token makes of the credential and its salt."""
        with told(self._device):
            secret = self._get_secret(credential)
        with secret.view as view:
            is_weak = len(view) < len(credential.salt) or not any(view)
        if is_weak:
            secret.wipe()
            raise self._failed("its secret is too short, or all zero")
        return secret

    def _make_credential(self, user: str) -> bytes:
        client_data = os.urandom(_RANDOM_BYTES)
        user_id = os.urandom(_RANDOM_BYTES)

        def make(proof: Proof) -> bytes:
            made = self._ctap.make_credential(
                client_data,
                {"id": _RELYING_PARTY},
                {"id": user_id, "name": user},
                [_ES256],
                extensions={_EXTENSION: True},
                on_keepalive=self._user.on_keepalive,
                **self._user.arguments(proof, client_data, Permission.MAKE_CREDENTIAL),
            )
            data = made.auth_data.credential_data
            if data is None:
                raise ValueError("no credential")
            return data.credential_id

        return self._insistently(make, Proof.NONE)

    def _get_secret(self, credential: Credential) -> Secret:
        client_data = os.urandom(_RANDOM_BYTES)
        options = credential.options
        protocol = self._user.protocol

        def get(proof: Proof) -> Secret:
            proven = self._user.arguments(proof, client_data, Permission.GET_ASSERTION)
            # Last of all: a token may have another key for each agreement.
            key_agreement, shared = self._user.agree()
            salt = protocol.encrypt(shared, credential.salt)
            asked = {1: key_agreement, 2: salt, 3: protocol.authenticate(shared, salt)}
            if protocol.VERSION > 1:  # CTAP 2.0 does not know this
                asked[4] = protocol.VERSION
            checks = {
                "up": options.user_presence,
                "uv": options.user_verification if proof is Proof.NONE else None,
            }
            made = self._ctap.get_assertion(
                _RELYING_PARTY,
                client_data,
                [{"id": credential.id, "type": "public-key"}],
                extensions={_EXTENSION: asked},
                options={name: on for name, on in checks.items() if on is not None} or None,
                on_keepalive=self._user.on_keepalive,
                **proven,
            )
            sealed: Any = (made.auth_data.extensions or {}).get(_EXTENSION)
            if not isinstance(sealed, bytes):
                raise self._failed("it made no secret")
            # A copy in bytes is all that the library gives; it lives for this line.
            return Secret(bytearray(protocol.decrypt(shared, sealed)))

        first = Proof.PIN if options.pin else Proof.NONE
        if first is Proof.NONE and options.user_verification:
            first = self._user.before_verified_assertion
        return self._insistently(get, first)

    def _insistently(self, ask: Callable[[Proof], T], first: Proof) -> T:
        """Return what `ask` returns, with the PIN where the token insists on it."""
        self.used_pin = first is Proof.PIN
        try:
            return ask(first)
        except CtapError as error:
            if self.used_pin or error.code not in WANTS_PIN or not self._user.has_pin:
                raise
        self.used_pin = True
        return ask(Proof.PIN)

    def _failed(self, reason: str) -> Fido2TokenFailed:
        return Fido2TokenFailed(device=self._device, reason=reason)


@contextmanager
def opened(device: str, holder: Holder) -> Iterator[Token]:
    """Lend the token at that path, or with `devices.AUTO` the only one.

    Raises Fido2TokenMissing, Fido2TokenAmbiguous and Fido2TokenFailed.
    """
    path = devices.find(device)
    with devices.opened(path) as ctap:
        with told(path):
            token = Token(path, ctap, holder)
        yield token


def read_secret(device: str, kept: Mapping[str, Any], holder: Holder) -> Secret:
    """Return the secret of a volume; `kept` is what its config has of it. Raises as `opened`."""
    path = devices.find(device)
    try:
        credential = Credential.parse(kept)
    except CredentialDamaged as error:
        reason = "what the volume config keeps for it is damaged"
        raise Fido2TokenFailed(device=path, reason=reason) from error
    with opened(path, holder) as token:
        return token.secret(credential)
