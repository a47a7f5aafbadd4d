"""What a volume config keeps of a token, which anybody may have written."""

from __future__ import annotations

from typing import Any

import pytest

from vaultui.model.errors import Fido2TokenFailed
from vaultui.mountd.tokens import token
from vaultui.mountd.tokens.credential import AssertOptions, Credential, CredentialDamaged

KEPT = {"CredentialID": "AQID", "HMACSalt": "A" * 43 + "="}


def test_what_is_parsed_is_written_again() -> None:
    credential = Credential.parse(KEPT)
    assert credential == Credential(b"\1\2\3", bytes(32), AssertOptions())
    assert credential.format() == KEPT
    with_options = {**KEPT, "AssertOptions": ["pin=true", "up=false"]}
    assert Credential.parse(with_options).format() == with_options


def test_the_last_option_of_a_kind_counts() -> None:
    options = AssertOptions.parse(["uv=true", "pin=false", "uv=false"])
    assert (options.user_presence, options.user_verification, options.pin) == (None, False, False)
    assert options.with_pin().pin is True
    assert options.with_pin().words == ("uv=true", "pin=false", "uv=false", "pin=true")


@pytest.mark.parametrize("word", ["", "up", "up=", "up=yes", "rk=true", "up=TRUE", " up=true"])
def test_an_option_that_fido2_assert_does_not_know_is_none(word: str) -> None:
    with pytest.raises(ValueError, match=f"^{word}$"):
        AssertOptions.parse([word])


@pytest.mark.parametrize(
    "change",
    [
        *({"AssertOptions": words} for words in (5, "up", {"up": True}, ["up", 5], ["a\0b"])),
        *({"CredentialID": value} for value in (None, 5, "", "?", "AQI", ["AQID"])),
        *({"HMACSalt": value} for value in (None, 5, "", "AQID", {})),
    ],
)
def test_a_damaged_credential_is_told_and_no_token_is_asked(change: dict[str, Any]) -> None:
    kept = {**KEPT, **change}
    with pytest.raises(CredentialDamaged):
        Credential.parse(kept)
    with pytest.raises(Fido2TokenFailed, match="damaged"):
        token.read_secret("/dev/null", kept, None)  # type: ignore[arg-type]
