"""A master key is 64 digits with or without dashes, and a wrong one is told without its text."""

from __future__ import annotations

import logging
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.model.errors import MasterKeyInvalid, PasswordEmpty, UsageError
from vaultui.mountd.commandline.keysources import parse_master_key, read_master_key, read_secret
from vaultui.mountd.commandline.pflag import parse, shown


def key_of(text: str) -> bytes:
    with parse_master_key(memoryview(text.encode())) as key:
        return bytes(key.view)


def read(*words: str) -> bytes:
    with read_secret(parse(["vaultfs", *words]), None) as secret:
        return bytes(secret.view)


@given(st.binary(min_size=32, max_size=32), st.booleans(), st.booleans())
def test_a_key_is_read_as_it_was_shown(key: bytes, dashes: bool, upper: bool) -> None:
    text = key.hex("-", 4) if dashes else key.hex()
    assert key_of(text.upper() if upper else text) == key


@pytest.mark.parametrize(
    "text", ["", "-", "6f", "6f" * 31 + "6", "6f" * 33, "zz" * 32, "6 " * 32, "٦" * 32]
)
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(MasterKeyInvalid) as failure:
        key_of(text)
    assert failure.value.exit_code == 14
    assert not text.strip("-") or text not in failure.value.summary


def test_the_key_may_come_from_standard_input_and_leaves_what_follows() -> None:
    kept = os.dup(0)
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    try:
        os.write(writing, b"6f" * 32 + b"\nnew password\n\n")
        assert read("-masterkey=stdin") == b"o" * 32
        assert read() == b"new password"
        with pytest.raises(PasswordEmpty):
            read("-masterkey", "stdin")
    finally:
        os.dup2(kept, 0)
        for fd in (kept, reading, writing):
            os.close(fd)


def test_a_key_comes_before_zeros_and_both_before_a_password() -> None:
    assert read("-zerokey", "-masterkey", "6f" * 32) == b"o" * 32
    assert read("-zerokey", "-passfile", "/nonexistent") == bytes(32)


def test_a_key_is_in_no_message_and_in_no_representation(
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = os.urandom(32).hex()
    words = [
        "vaultfs",
        "-masterkey",
        key,
        "c",
        "-o",
        f"q,masterkey={key}",
        f"--masterkey={key[:-1]}",
    ]
    options = parse(words)
    options.master_key = key
    with caplog.at_level(logging.DEBUG), read_master_key(options):
        pass
    with pytest.raises(UsageError) as failure:
        parse(["vaultfs", "-scryptn", key])
    texts = (caplog.text, repr(options), shown(words), failure.value.summary)
    for text in texts:
        assert key[:-1] not in text
    assert '"-masterkey" "…" "c"' in shown(words)
