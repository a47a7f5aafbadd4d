"""Proves that the compiled ciphers and those in Python make and take the same bytes."""

from __future__ import annotations

import os

import pytest
from capabilities import needs
from hypothesis import given
from hypothesis import strategies as st

from vaultui.crypto.content import ContentCipher, CorruptBlock
from vaultui.crypto.filename import BadName, NameCipher
from vaultui.crypto.hazmat import compiled
from vaultui.crypto.hazmat.aead import AesGcm
from vaultui.crypto.hazmat.eme import Eme
from vaultui.format.blocks import GCM, PLAIN_BLOCK
from vaultui.format.names import encode_padded, encode_raw

pytestmark = needs("compiled")

KEY = bytes(range(32))
STEP = GCM.cipher_block

module = compiled.load()
if module is not None:
    RUNS = module.GcmRuns(KEY)
    EME_NAMES = {raw64: module.EmeNames(KEY, raw64) for raw64 in (False, True)}
CONTENT = ContentCipher(AesGcm(KEY))

FILE_IDS = st.binary(min_size=16, max_size=16)
DIR_IVS = st.binary(min_size=16, max_size=16)
BLOCKS = st.integers(0, 1 << 50)
SIZES = st.integers(0, 4 * PLAIN_BLOCK) | st.sampled_from([0, 1, 4095, 4096, 4097, 8192, 12288])
ANYTHING = st.binary(max_size=300) | st.sampled_from([b".", b"..", b"a/b", b"\0", b"n" * 256])


def pattern(size: int) -> bytes:
    """Return bytes of which no two neighbouring blocks are the same."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def opened_into(first: int, file_id: bytes, sealed: bytes) -> tuple[int, bytes]:
    """Return what opening in C answers, and all that it left in a buffer of 0xEE."""
    out = bytearray(b"\xee" * len(sealed))
    return RUNS.open_into(first, file_id, sealed, out), bytes(out)


@given(BLOCKS, FILE_IDS, SIZES)
def test_content_sealed_by_one_is_opened_by_the_other(
    first: int, file_id: bytes, size: int
) -> None:
    plain = pattern(size)
    ours, theirs = RUNS.seal(first, file_id, plain), CONTENT.seal(first, file_id, plain)
    assert len(ours) == len(theirs)
    assert CONTENT.open(first, file_id, ours) == plain
    assert RUNS.open(first, file_id, theirs) == plain
    assert opened_into(first, file_id, theirs) == (
        size,
        plain + b"\xee" * (len(theirs) - size),
    )


@given(
    BLOCKS,
    st.lists(st.sampled_from(["sealed", "hole", "nearly a hole", "other block"]), max_size=4),
    st.integers(0, PLAIN_BLOCK + GCM.overhead),
    st.booleans(),
    st.data(),
)
def test_both_take_the_same_runs_and_refuse_the_same(
    first: int, kinds: list[str], last: int, is_last_zero: bool, data: st.DataObject
) -> None:
    file_id = b"f" * 16
    run = bytearray()
    for number, kind in enumerate(kinds):
        if kind in ("sealed", "other block"):
            moved = kind == "other block"
            run += CONTENT.seal(first + number + moved, file_id, pattern(PLAIN_BLOCK))
        else:
            run += bytes(STEP)
        if kind == "nearly a hole":
            run[number * STEP + data.draw(st.integers(0, STEP - 1))] = 1
    whole = CONTENT.seal(first + len(kinds), file_id, pattern(PLAIN_BLOCK))
    if last > GCM.overhead and data.draw(st.booleans()):
        whole = CONTENT.seal(first + len(kinds), file_id, pattern(last - GCM.overhead))
    run += bytes(last) if is_last_zero else whole[:last]
    try:
        expected = bytes(CONTENT.open(first, file_id, run))
    except CorruptBlock:
        size, left = opened_into(first, file_id, run)
        assert size == -1
        full, rest = divmod(len(run), STEP)
        room = full * PLAIN_BLOCK + max(rest - GCM.overhead, 0)
        assert not any(left[:room])
        with pytest.raises(ValueError, match="damaged"):
            RUNS.open(first, file_id, bytes(run))
    else:
        assert RUNS.open(first, file_id, bytes(run)) == expected


@given(st.integers(1, 3 * PLAIN_BLOCK), st.data())
def test_any_flipped_bit_is_noticed_and_nothing_of_the_run_is_left(
    size: int, data: st.DataObject
) -> None:
    sealed = bytearray(CONTENT.seal(7, b"f" * 16, pattern(size)))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    answer, left = opened_into(7, b"f" * 16, bytes(sealed))
    assert answer == -1
    assert not any(left[:size])
    assert left[size:] == b"\xee" * (len(sealed) - size)


@given(ANYTHING, DIR_IVS, st.booleans())
def test_names_are_encrypted_alike_or_refused_alike(
    name: bytes, dir_iv: bytes, raw64: bool
) -> None:
    names = EME_NAMES[raw64]
    try:
        cname = NameCipher(KEY, raw64).encrypt(name, dir_iv)
    except BadName:
        with pytest.raises(ValueError, match="no name"):
            names.encrypt(dir_iv, name)
    else:
        assert names.encrypt(dir_iv, name) == cname
        assert names.decrypt(dir_iv, cname) == name


def check_alike(cname: bytes, dir_iv: bytes, raw64: bool) -> None:
    try:
        name = NameCipher(KEY, raw64).decrypt(cname, dir_iv)
    except BadName:
        with pytest.raises(ValueError, match="no name"):
            EME_NAMES[raw64].decrypt(dir_iv, cname)
    else:
        assert EME_NAMES[raw64].decrypt(dir_iv, cname) == name


@given(
    st.binary(max_size=420)
    | st.text("AZaz09-_=+/", max_size=420).map(str.encode)
    | st.integers(0, 420).map(lambda size: b"A" * size),
    DIR_IVS,
    st.booleans(),
)
def test_text_that_nobody_encrypted_is_judged_alike(
    cname: bytes, dir_iv: bytes, raw64: bool
) -> None:
    check_alike(cname, dir_iv, raw64)


@given(st.binary(min_size=1, max_size=272), st.integers(0, 40), DIR_IVS, st.booleans())
def test_what_decrypts_to_no_name_or_to_wrong_padding_is_judged_alike(
    block: bytes, padding: int, dir_iv: bytes, raw64: bool
) -> None:
    block += bytes([padding]) * (padding or 1)
    block = block[-(len(block) // 16 or 1) * 16 :].rjust(16, b"x")
    encode = encode_raw if raw64 else encode_padded
    check_alike(encode(Eme(KEY).encrypt(dir_iv, block)), dir_iv, raw64)


@given(st.binary(min_size=1, max_size=255), st.booleans(), st.data())
def test_a_name_with_a_changed_letter_is_judged_alike(
    name: bytes, raw64: bool, data: st.DataObject
) -> None:
    dir_iv = bytes(16)
    encode = encode_raw if raw64 else encode_padded
    padding = 16 - len(name) % 16
    cname = bytearray(encode(Eme(KEY).encrypt(dir_iv, name + bytes([padding]) * padding)))
    at = data.draw(st.integers(0, len(cname) - 1) | st.just(len(cname) - 1))
    cname[at] = data.draw(st.integers(0, 255) | st.sampled_from(b"ABCDEFGH=-_+/"))
    check_alike(bytes(cname), dir_iv, raw64)
    check_alike(bytes(cname[:-1]), dir_iv, raw64)
    check_alike(bytes(cname + b"="), dir_iv, raw64)


@given(st.integers(0, 5000))
def test_random_bytes_come_in_any_number(size: int) -> None:
    drawn = RUNS.random(size)
    assert len(drawn) == size
    assert size < 8 or drawn != RUNS.random(size) != os.urandom(size)
