"""A FIDO2 token in software: what CTAP 2.1 asks of an authenticator with hmac-secret and a PIN.

Section numbers are those of the Client to Authenticator Protocol 2.1 of 2021-06-15. Only what a
volume needs is there: no resident keys, no enterprise attestation, no U2F.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2 import cbor
from fido2.ctap import CtapError
from fido2.ctap2.pin import PinProtocolV1, PinProtocolV2

ERR = CtapError.ERR
PIN_TRIES = 8
TRIES_IN_A_ROW = 3
_PROTOCOLS = {1: PinProtocolV1, 2: PinProtocolV2}
_AAGUID = bytes(16)
_USER_PRESENT, _USER_VERIFIED, _HAS_CREDENTIAL, _HAS_EXTENSIONS = 0x01, 0x04, 0x40, 0x80


class Command(IntEnum):
    MAKE_CREDENTIAL = 1
    GET_ASSERTION = 2
    GET_INFO = 4
    CLIENT_PIN = 6


class PinCommand(IntEnum):
    GET_RETRIES = 1
    GET_KEY_AGREEMENT = 2
    GET_TOKEN = 5
    GET_TOKEN_WITH_UV = 6
    GET_TOKEN_WITH_PERMISSIONS = 9


class Refused(Exception):
    """The command fails with the status `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class _Credential:
    key: ec.EllipticCurvePrivateKey
    relying_party: str
    # Two of them, by whether the user was verified: section 12.5.
    secrets: dict[bool, bytes]


@dataclass
class Authenticator:
    """A token; `answer` takes commands, and `asked` remembers them."""

    pin: bytes = b""
    """Empty for none."""
    protocols: tuple[int, ...] = (2, 1)
    has_permissions: bool = True
    """It has pinUvAuthToken, as tokens since CTAP 2.1 do."""
    always_verifies: bool = False
    has_fingerprint_reader: bool = False
    credential_needs_pin: bool = False
    """With a PIN it makes no credential without it, as tokens before CTAP 2.1."""
    makes_secrets: bool = True
    secret: Callable[[bytes], bytes] = lambda secret: secret
    """Changes what comes of the hmac-secret extension before it is told."""
    asked: list[tuple[Command, Mapping[int, Any]]] = field(default_factory=list)
    _credentials: dict[bytes, _Credential] = field(default_factory=dict)
    _tries: int = PIN_TRIES
    _wrong_in_a_row: int = 0

    def __post_init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._token = os.urandom(32)

    def unplug(self) -> None:
        """Do what taking the token out and putting it in again does."""
        self._wrong_in_a_row = 0

    def answer(self, message: bytes, wait_for_touch: Callable[[], None]) -> bytes:
        """Return the status and what follows it. `wait_for_touch` raises Refused without one."""
        try:
            command = Command(message[0])
            request = cbor.decode(message[1:]) if len(message) > 1 else {}
            self.asked.append((command, request))
            match command:
                case Command.GET_INFO:
                    answer = self._info()
                case Command.CLIENT_PIN:
                    answer = self._client_pin(request)
                case Command.MAKE_CREDENTIAL:
                    answer = self._make_credential(request, wait_for_touch)
                case Command.GET_ASSERTION:
                    answer = self._get_assertion(request, wait_for_touch)
        except Refused as refused:
            return bytes([refused.code])
        return b"\0" + cbor.encode(answer)

    def _info(self) -> dict[int, Any]:
        options = {
            "up": True,
            "clientPin": bool(self.pin),
            "makeCredUvNotRqd": not self.credential_needs_pin,
        }
        if self.has_permissions:
            options["pinUvAuthToken"] = True
        if self.always_verifies:
            options["alwaysUv"] = True
        if self.has_fingerprint_reader:
            options["uv"] = True
        return {
            1: ["FIDO_2_0", "FIDO_2_1"],
            2: ["hmac-secret"] if self.makes_secrets else ["credProtect"],
            3: _AAGUID,
            4: options,
            5: 1200,
            6: list(self.protocols),
        }

    def _make_credential(
        self, request: Mapping[int, Any], wait_for_touch: Callable[[], None]
    ) -> dict[int, Any]:
        if {"alg": -7, "type": "public-key"} not in request[4]:
            raise Refused(ERR.UNSUPPORTED_ALGORITHM)
        is_verified = self._verify_user(
            request[1], request.get(7, {}), request.get(8), request.get(9), 1
        )
        if self.pin and self.credential_needs_pin and not is_verified:
            raise Refused(ERR.PUAT_REQUIRED)
        wait_for_touch()
        key = ec.generate_private_key(ec.SECP256R1())
        name = os.urandom(64)
        party = request[2]["id"]
        self._credentials[name] = _Credential(
            key, party, {False: os.urandom(32), True: os.urandom(32)}
        )
        numbers = key.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: _coordinate(numbers.x), -3: _coordinate(numbers.y)}
        flags = _USER_PRESENT | _HAS_CREDENTIAL | (_USER_VERIFIED if is_verified else 0)
        data = _AAGUID + len(name).to_bytes(2, "big") + name + cbor.encode(public)
        if self.makes_secrets and request.get(6, {}).get("hmac-secret"):
            flags |= _HAS_EXTENSIONS
            data += cbor.encode({"hmac-secret": True})
        data = _authenticator_data(party, flags, data)
        signature = key.sign(data + request[1], ec.ECDSA(SHA256()))
        return {1: "packed", 2: data, 3: {"alg": -7, "sig": signature}}

    def _get_assertion(
        self, request: Mapping[int, Any], wait_for_touch: Callable[[], None]
    ) -> dict[int, Any]:
        options = request.get(5, {})
        is_verified = self._verify_user(request[2], options, request.get(6), request.get(7), 2)
        name, credential = self._known(request[1], request.get(3, ()))
        wants_secret = self.makes_secrets and "hmac-secret" in request.get(4, {})
        if options.get("up", True):
            wait_for_touch()
        elif wants_secret:
            raise Refused(ERR.UNSUPPORTED_OPTION)
        flags = _USER_PRESENT | (_USER_VERIFIED if is_verified else 0)
        data = b""
        if wants_secret:
            flags |= _HAS_EXTENSIONS
            made = self._hmac_secret(credential.secrets[is_verified], request[4]["hmac-secret"])
            data = cbor.encode({"hmac-secret": made})
        data = _authenticator_data(request[1], flags, data)
        signature = credential.key.sign(data + request[2], ec.ECDSA(SHA256()))
        return {1: {"id": name, "type": "public-key"}, 2: data, 3: signature}

    def _known(self, party: str, allowed: Any) -> tuple[bytes, _Credential]:
        for entry in allowed:
            credential = self._credentials.get(entry["id"])
            if credential is not None and credential.relying_party == party:
                return entry["id"], credential
        raise Refused(ERR.NO_CREDENTIALS)

    def _hmac_secret(self, key: bytes, request: Mapping[int, Any]) -> bytes:
        protocol, shared = self._shared_secret(request.get(4, 1), request[1])
        if protocol.authenticate(shared, request[2]) != request[3]:
            raise Refused(ERR.PIN_AUTH_INVALID)
        salt = protocol.decrypt(shared, request[2])
        if len(salt) != 32:
            raise Refused(ERR.INVALID_LENGTH)
        return protocol.encrypt(shared, self.secret(hmac.digest(key, salt, "sha256")))

    def _verify_user(
        self,
        client_data: bytes,
        options: Mapping[str, bool],
        proof: bytes | None,
        protocol: int | None,
        permission: int,
    ) -> bool:
        """Tell whether the user is verified; sections 6.1.2 and 6.2.2, steps 1 to 6."""
        if proof is not None:
            if protocol not in self.protocols or not self._granted & permission:
                raise Refused(ERR.PIN_AUTH_INVALID)
            if _PROTOCOLS[protocol]().authenticate(self._token, client_data) != proof:
                raise Refused(ERR.PIN_AUTH_INVALID)
            return True
        if options.get("uv") and not self.has_fingerprint_reader:
            raise Refused(ERR.INVALID_OPTION)
        if options.get("uv"):
            return True
        if self.always_verifies:
            if not self.has_fingerprint_reader:
                raise Refused(ERR.PUAT_REQUIRED if self.pin else ERR.OPERATION_DENIED)
            return True
        return False

    _granted = 0

    def _client_pin(self, request: Mapping[int, Any]) -> dict[int, Any]:
        command = PinCommand(request[2])
        if command is PinCommand.GET_RETRIES:
            return {3: self._tries}
        if command is PinCommand.GET_KEY_AGREEMENT:
            numbers = self._key.public_key().public_numbers()
            x, y = _coordinate(numbers.x), _coordinate(numbers.y)
            return {1: {1: 2, 3: -25, -1: 1, -2: x, -3: y}}
        protocol, shared = self._shared_secret(request[1], request[3])
        if command is PinCommand.GET_TOKEN_WITH_UV:
            if not self.has_fingerprint_reader:
                raise Refused(ERR.INVALID_SUBCOMMAND)
        else:
            self._check_pin(protocol.decrypt(shared, request[6]))
        if command is not PinCommand.GET_TOKEN and not self.has_permissions:
            raise Refused(ERR.INVALID_SUBCOMMAND)
        # Section 6.5.5.7.1: the old way grants both.
        self._granted = 3 if command is PinCommand.GET_TOKEN else request[9]
        self._token = os.urandom(32)
        return {2: protocol.encrypt(shared, self._token)}

    def _check_pin(self, told: bytes) -> None:
        if not self.pin:
            raise Refused(ERR.PIN_NOT_SET)
        if self._tries == 0:
            raise Refused(ERR.PIN_BLOCKED)
        if self._wrong_in_a_row == TRIES_IN_A_ROW:
            raise Refused(ERR.PIN_AUTH_BLOCKED)
        if told == hashlib.sha256(self.pin).digest()[:16]:
            self._tries, self._wrong_in_a_row = PIN_TRIES, 0
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._tries -= 1
        self._wrong_in_a_row += 1
        if self._tries == 0:
            raise Refused(ERR.PIN_BLOCKED)
        if self._wrong_in_a_row == TRIES_IN_A_ROW:
            raise Refused(ERR.PIN_AUTH_BLOCKED)
        raise Refused(ERR.PIN_INVALID)

    def _shared_secret(
        self, version: int, public: Mapping[int, Any]
    ) -> tuple[PinProtocolV1, bytes]:
        if version not in self.protocols:
            raise Refused(ERR.INVALID_PARAMETER)
        x, y = int.from_bytes(public[-2], "big"), int.from_bytes(public[-3], "big")
        peer = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        protocol = _PROTOCOLS[version]()
        return protocol, protocol.kdf(self._key.exchange(ec.ECDH(), peer))


def _coordinate(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _authenticator_data(party: str, flags: int, rest: bytes) -> bytes:
    return hashlib.sha256(party.encode()).digest() + bytes([flags]) + bytes(4) + rest
