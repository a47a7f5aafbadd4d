"""What a token is asked, and what becomes of its answers."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace

import pytest
from authenticator import ERR, PIN_TRIES, TRIES_IN_A_ROW, Authenticator, Command, Refused
from inprocess import DEVICE, Person, token

from vaultui.model.errors import (
    Fido2PinBlocked,
    Fido2PinIncorrect,
    Fido2PinNeeded,
    Fido2TokenFailed,
    Fido2TokenUntouched,
    Fido2TokenWrong,
    VaultuiError,
)
from vaultui.mountd.tokens.credential import AssertOptions, Credential

PIN = b"1234"
PLAIN = AssertOptions()


def options(*words: str) -> AssertOptions:
    return AssertOptions.parse(words)


def registered(authenticator: Authenticator, asked: AssertOptions = PLAIN) -> Credential:
    return token(authenticator, Person(authenticator.pin)).register("work.c", asked)


def secret_of(
    authenticator: Authenticator, credential: Credential, pin: bytes = b""
) -> tuple[bytes, list[str]]:
    """Return the secret, and what its user was asked for."""
    person = Person(pin)
    with token(authenticator, person).secret(credential) as secret, secret.view as view:
        return bytes(view), person.wanted


def by_hand(authenticator: Authenticator, credential: Credential, *, is_verified: bool) -> bytes:
    """Return the secret as CTAP 2.1 section 12.5 makes it."""
    key = authenticator._credentials[credential.id].secrets[is_verified]
    return hmac.digest(key, credential.salt, hashlib.sha256)


@pytest.mark.parametrize("protocols", [(1,), (2,), (1, 2), (2, 1)])
@pytest.mark.parametrize("has_permissions", [True, False])
def test_the_secret_is_that_of_the_credential_and_the_salt(
    protocols: tuple[int, ...], has_permissions: bool
) -> None:
    authenticator = Authenticator(PIN, protocols, has_permissions)
    credential = registered(authenticator)
    assert secret_of(authenticator, credential) == (
        by_hand(authenticator, credential, is_verified=False),
        ["touch"],
    )
    with_pin = replace(credential, options=options("pin=true"))
    assert secret_of(authenticator, with_pin, PIN) == (
        by_hand(authenticator, credential, is_verified=True),
        ["PIN", "touch"],
    )
    other_salt = replace(credential, salt=bytes(32))
    assert secret_of(authenticator, other_salt)[0] != secret_of(authenticator, credential)[0]


def test_a_token_with_a_pin_is_not_asked_to_verify_anybody() -> None:
    # Another secret would come of it than fido2-assert gets.
    authenticator = Authenticator(PIN)
    credential = registered(authenticator)
    secret_of(authenticator, credential)
    command, request = authenticator.asked[-1]
    assert command is Command.GET_ASSERTION
    assert set(request) == {1, 2, 3, 4}
    assert request[1] == "gocryptfs"


def test_a_token_before_ctap_2_1_makes_a_credential_with_its_pin_alone() -> None:
    authenticator = Authenticator(PIN, (1,), False, credential_needs_pin=True)
    person = Person(PIN)
    credential = token(authenticator, person).register("work.c", PLAIN)
    assert person.wanted == ["PIN", "touch"]
    # The secret goes without it.
    secret = by_hand(authenticator, credential, is_verified=False)
    assert secret_of(authenticator, credential) == (secret, ["touch"])


def test_a_token_that_always_verifies_gets_its_pin() -> None:
    authenticator = Authenticator(PIN, always_verifies=True)
    credential = registered(authenticator)
    with pytest.raises(Fido2PinNeeded):
        secret_of(authenticator, credential)
    secret = by_hand(authenticator, credential, is_verified=True)
    assert secret_of(authenticator, credential, PIN) == (secret, ["PIN", "touch"])


@pytest.mark.parametrize("has_permissions", [True, False])
def test_a_fingerprint_is_a_verification_too(has_permissions: bool) -> None:
    authenticator = Authenticator(PIN, has_permissions=has_permissions, has_fingerprint_reader=True)
    credential = registered(authenticator, options("uv=true"))
    secret, wanted = secret_of(authenticator, credential)
    assert secret == by_hand(authenticator, credential, is_verified=True)
    assert wanted == ["touch"]


def test_the_options_are_those_of_the_config() -> None:
    authenticator = Authenticator()
    credential = registered(authenticator, options("up=true", "uv=false", "pin=false"))
    secret_of(authenticator, credential)
    assert authenticator.asked[-1][1][5] == {"up": True, "uv": False}
    without_touch = replace(credential, options=options("up=false"))
    with pytest.raises(Fido2TokenFailed, match="UNSUPPORTED_OPTION"):
        secret_of(authenticator, without_touch)


def test_another_token_is_told_from_a_broken_one() -> None:
    credential = registered(Authenticator())
    with pytest.raises(Fido2TokenWrong, match=DEVICE):
        secret_of(Authenticator(), credential)


def test_a_token_that_nobody_touches_is_told() -> None:
    authenticator = Authenticator()
    credential = registered(authenticator)
    with pytest.raises(Fido2TokenUntouched):
        token(authenticator, Person(), is_touched=False).secret(credential)


def test_a_wrong_pin_is_told_with_the_tries_that_are_left() -> None:
    authenticator = Authenticator(PIN)
    credential = registered(authenticator, options("pin=true"))
    told: list[VaultuiError] = []
    for _ in range(PIN_TRIES + 2):
        with pytest.raises(VaultuiError) as caught:
            secret_of(authenticator, credential, b"4321")
        told.append(caught.value)
        if isinstance(caught.value, Fido2PinBlocked):
            authenticator.unplug()
    wrong = [error for error in told if isinstance(error, Fido2PinIncorrect)]
    assert [error.summary.split()[-1] for error in wrong] == ["7.", "6.", "4.", "3.", "1."]
    assert isinstance(told[TRIES_IN_A_ROW - 1], Fido2PinBlocked)
    assert isinstance(told[-1], Fido2PinBlocked)


@pytest.mark.parametrize("pin", [b"123", b"1" * 64])
def test_a_pin_that_can_be_none_costs_no_try(pin: bytes) -> None:
    authenticator = Authenticator(PIN)
    credential = registered(authenticator, options("pin=true"))
    with pytest.raises(Fido2TokenFailed, match="4 to 63 bytes"):
        secret_of(authenticator, credential, pin)
    assert authenticator._tries == PIN_TRIES


def test_a_token_without_a_pin_that_is_to_ask_for_it_is_told() -> None:
    authenticator = Authenticator()
    credential = registered(authenticator)
    with pytest.raises(Fido2TokenFailed, match="it has none"):
        secret_of(authenticator, replace(credential, options=options("pin=true")), PIN)


def test_a_token_that_makes_no_secrets_gets_no_credential() -> None:
    authenticator = Authenticator(makes_secrets=False)
    with pytest.raises(Fido2TokenFailed, match="hmac-secret"):
        token(authenticator, Person()).register("work.c", PLAIN)
    assert [command for command, _ in authenticator.asked] == [Command.GET_INFO]


def test_an_assertion_without_a_secret_is_told() -> None:
    authenticator = Authenticator()
    credential = registered(authenticator)
    authenticator.makes_secrets = False
    with pytest.raises(Fido2TokenFailed, match="it made no secret"):
        secret_of(authenticator, credential)


@pytest.mark.parametrize("change", [lambda _: bytes(32), lambda secret: secret[:16]])
def test_a_weak_secret_is_refused(change: Callable[[bytes], bytes]) -> None:
    authenticator = Authenticator()
    credential = registered(authenticator)
    authenticator.secret = change
    with pytest.raises(Fido2TokenFailed, match="too short, or all zero"):
        secret_of(authenticator, credential)


@pytest.mark.parametrize("answer", [b"\0", b"\0\xa0", b"\0\xff", b"\0\xa1\x01\x02", b""])
def test_an_answer_without_sense_is_no_crash(answer: bytes) -> None:
    authenticator = Authenticator()
    credential = registered(authenticator)
    plugged = token(authenticator, Person())
    authenticator.answer = lambda message, wait: answer  # type: ignore[method-assign]
    with pytest.raises(Fido2TokenFailed, match="makes no sense"):
        plugged.secret(credential)


def test_any_other_refusal_is_told_by_its_name() -> None:
    authenticator = Authenticator()
    credential = registered(authenticator)

    def refuse(_secret: bytes) -> bytes:
        raise Refused(ERR.REQUEST_TOO_LARGE)

    authenticator.secret = refuse
    with pytest.raises(Fido2TokenFailed, match="REQUEST_TOO_LARGE"):
        secret_of(authenticator, credential)
