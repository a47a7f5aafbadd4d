"""Proves which names are names, and that their base64 is strict."""

from __future__ import annotations

import pytest

from vaultui.format.names import (
    LONG_PREFIX,
    BadName,
    NameTooLong,
    check_plain_name,
    companion,
    decode_padded,
    decode_raw,
    encode_padded,
    encode_raw,
    hash_long_name,
    is_companion,
    is_long,
)


@pytest.mark.parametrize("name", [b"a", b"...", b"n" * 255, b"\xff\xfe", b"gocryptfs.conf", b"-rf"])
def test_ordinary_names_pass(name: bytes) -> None:
    check_plain_name(name)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"a\0"])
def test_what_cannot_be_an_entry_is_refused(name: bytes) -> None:
    with pytest.raises(BadName):
        check_plain_name(name)


def test_a_name_of_256_bytes_is_too_long() -> None:
    with pytest.raises(NameTooLong, match="255"):
        check_plain_name(b"n" * 256)


def test_hashed_entries_and_their_companions_are_told_apart() -> None:
    hashed = hash_long_name(b"text")
    assert is_long(hashed)
    assert not is_companion(hashed)
    assert is_companion(companion(hashed))
    assert not is_long(companion(hashed))
    assert not is_long(b"other")
    assert not is_companion(b"other.name")


def test_the_hash_is_over_the_text_and_in_the_alphabet_of_the_volume() -> None:
    # echo -n text | sha256sum
    digest = bytes.fromhex("982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1")
    assert hash_long_name(b"text") == LONG_PREFIX + encode_raw(digest)
    assert hash_long_name(b"text", padded=True) == LONG_PREFIX + encode_padded(digest)
    assert hash_long_name(b"text", padded=True).endswith(b"=")


def test_base64_is_the_url_alphabet() -> None:
    data = b"\xfb\xff\xfe"
    assert encode_raw(data) == b"-__-"
    assert decode_raw(b"-__-") == decode_padded(b"-__-") == data
    assert encode_raw(b"\xff") == b"_w"
    assert encode_padded(b"\xff") == b"_w=="


@pytest.mark.parametrize(
    "text",
    [
        b"_w==",
        b"_x",
        b"_",
        b"_w\n",
        b"\n_w",
        b"_w ",
        b"+/",
        b"_w=",
        b"=",
        b"_*",
        b"a\xc3\xa4",
        b"_w\0",
    ],
)
def test_raw_base64_in_any_other_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(BadName):
        decode_raw(text)


@pytest.mark.parametrize("text", [b"_w", b"_w=", b"_w===", b"_x==", b"_w==\n", b"=_w=", b"/w=="])
def test_padded_base64_in_any_other_spelling_is_refused(text: bytes) -> None:
    with pytest.raises(BadName):
        decode_padded(text)
