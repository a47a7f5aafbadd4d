"""Proves that a recovery key survives paper, and that each mistake on the way is found."""

from __future__ import annotations

import itertools

import pytest

from vaultui.crypto import recoverykey
from vaultui.crypto.recoverykey import ALPHABET
from vaultui.model.errors import RecoveryKeyMistyped
from vaultui.model.secret import Secret

WORDS = b"grape salad table night river stone cart even otherwise lemon"
KEYS = [bytes(32), bytes(range(32)), b"\xff" * 32, bytes(range(7, 256, 8))]


def secret(text: bytes) -> Secret:
    return Secret(bytearray(text))


def formatted(key: bytes) -> bytes:
    with recoverykey.format(secret(key)) as text:
        return bytes(text.view)


def parsed(text: bytes) -> bytes:
    with recoverykey.parse(secret(text)) as key:
        return bytes(key.view)


def mistakes(text: bytes) -> str:
    with pytest.raises(RecoveryKeyMistyped) as caught:
        recoverykey.parse(secret(text))
    assert caught.value.exit_code == 14
    return str(caught.value.details["where"])


@pytest.mark.parametrize("key", KEYS)
def test_what_was_printed_is_the_key(key: bytes) -> None:
    text = formatted(key)
    groups = text.split(b"-")
    assert [len(group) for group in groups] == [5] * 13
    assert set(text) <= set(ALPHABET) | {ord("-")}
    assert parsed(text) == key
    assert recoverykey.looks_like_one(secret(text))


def test_new_keys_are_random() -> None:
    made = [recoverykey.new() for _ in range(10)]
    keys = {bytes(key.view) for key in made}
    assert len(keys) == 10
    assert {len(key) for key in keys} == {32}


def test_the_way_it_is_typed_does_not_matter() -> None:
    key = KEYS[1]
    text = formatted(key)
    letters = text.replace(b"-", b"")
    for typed in (
        text.lower(),
        letters,
        b" ".join(letters[at : at + 4] for at in range(0, 65, 4)),
        b"\t" + text.replace(b"-", b" - ") + b"\r\n",
        text.replace(b"0", b"O").replace(b"1", b"I"),
        text.replace(b"0", b"o").replace(b"1", b"l"),
        text.decode().replace("-", "–").encode(),
        "\ufeff{}".format(text.decode().replace("-", "\u00a0‑ ")).encode(),
    ):
        assert parsed(typed) == key


@pytest.mark.parametrize("key", KEYS)
def test_every_wrong_character_is_found_in_its_group(key: bytes) -> None:
    text = formatted(key)
    for place, right in enumerate(text):
        if right == ord("-"):
            continue
        # U is in no key, and neither is a sign or a byte of another alphabet.
        for wrong in ALPHABET.replace(bytes([right]), b"") + b"U*\xc3":
            typed = text[:place] + bytes([wrong]) + text[place + 1 :]
            assert mistakes(typed) == f" in group {place // 6 + 1}"


@pytest.mark.parametrize("key", KEYS[1:])
def test_any_two_characters_of_a_group_that_changed_places_are_found(key: bytes) -> None:
    text = formatted(key)
    for group in range(13):
        for one, two in itertools.combinations(range(group * 6, group * 6 + 5), 2):
            typed = bytearray(text)
            typed[one], typed[two] = typed[two], typed[one]
            if typed != text:
                assert mistakes(bytes(typed)) == f" in group {group + 1}"


def test_neighbours_over_a_border_and_whole_groups_that_changed_places_are_found() -> None:
    for key in KEYS:
        groups = formatted(key).split(b"-")
        for first in range(12):
            one, two = groups[first], groups[first + 1]
            if one[-1] != two[0]:
                swapped = [*groups[:first], one[:-1] + two[:1], one[-1:] + two[1:]]
                typed = b"-".join(swapped + groups[first + 2 :])
                assert mistakes(typed) == f" in groups {first + 1}, {first + 2}"
        for one_at, two_at in itertools.combinations(range(13), 2):
            groups[one_at], groups[two_at] = groups[two_at], groups[one_at]
            assert mistakes(b"-".join(groups)) == f" in groups {one_at + 1}, {two_at + 1}"
            groups[one_at], groups[two_at] = groups[two_at], groups[one_at]


def test_a_character_too_few_or_too_many_is_found_where_groups_are_told_apart() -> None:
    text = formatted(KEYS[1])
    assert mistakes(text[:13] + text[14:]) == " in group 3"
    assert mistakes(text[:13] + b"0" + text[13:]) == " in group 3"
    assert mistakes(text[:40].rstrip(b"-")) == " in group 7"
    assert mistakes(text.replace(b"-", b"")[1:]) == ""
    assert mistakes(b"") == ""


def test_a_key_of_which_groups_were_left_out_is_told_as_that_and_not_as_a_wrong_password() -> None:
    groups = formatted(KEYS[3]).split(b"-")
    for typed in (groups[1:], groups[:5] + groups[6:], groups[:7], [*groups[:6], groups[6][:2]]):
        text = b"-".join(typed)
        assert recoverykey.looks_like_one(secret(text))
        mistakes(text)


def test_a_key_of_a_later_version_is_no_key_of_ours() -> None:
    # The first character holds four bits of the version; its group is checked again.
    text = bytearray(formatted(bytes(32)))
    for first, check in itertools.product(ALPHABET[2:], ALPHABET):
        text[0], text[4] = first, check
        assert mistakes(bytes(text)) == " in group 1"


def test_an_error_tells_nothing_of_what_was_typed() -> None:
    text = formatted(KEYS[3])
    with pytest.raises(RecoveryKeyMistyped) as caught:
        recoverykey.parse(secret(b"U" + text[1:]))
    words = repr(caught.value) + caught.value.summary + str(caught.value.to_wire())
    assert not any(group.decode() in words for group in text.split(b"-"))


@pytest.mark.parametrize(
    "text", [b"correct horse battery", b"", b"x" * 64 + b"!!!!!", b"1" * 80, WORDS]
)
def test_a_password_is_not_taken_for_a_recovery_key(text: bytes) -> None:
    assert not recoverykey.looks_like_one(secret(text))
