"""Proves for any content and name: it comes back, and no change goes unnoticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.crypto.content import ContentCipher, CorruptBlock
from vaultui.crypto.filename import BadName, NameCipher
from vaultui.crypto.hazmat.aead import AesGcm
from vaultui.format.blocks import GCM, PLAIN_BLOCK

CIPHER = ContentCipher(AesGcm(bytes(range(32))))
RUN = CIPHER.new_run(4)
STEP = GCM.cipher_block

FILE_IDS = st.binary(min_size=16, max_size=16)
DIR_IVS = st.binary(min_size=16, max_size=16)
BLOCKS = st.integers(0, 1 << 50)
EDGES = st.sampled_from([0, 1, 4095, 4096, 4097, 8191, 8192, 3 * 4096, 4 * 4096])
SIZES = st.integers(0, 4 * PLAIN_BLOCK) | EDGES
NAMES = (
    st.binary(min_size=1, max_size=255)
    .map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_"))
    .filter(lambda name: name not in (b".", b".."))
)


def pattern(size: int) -> bytes:
    """Return bytes of which no two neighbouring blocks are the same."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


@given(BLOCKS, FILE_IDS, SIZES)
def test_content_comes_back_through_fresh_buffers_and_through_a_run(
    first: int, file_id: bytes, size: int
) -> None:
    plain = pattern(size)
    in_run = CIPHER.seal_run(RUN, first, file_id, plain).tobytes()
    sealed = CIPHER.seal(first, file_id, plain)
    assert len(in_run) == len(sealed) == GCM.run_size(size)
    for data in (in_run, sealed):
        assert CIPHER.open(first, file_id, data) == plain
        RUN.cipher[: len(data)] = data
        assert CIPHER.open_run(RUN, first, file_id, len(data)) == plain


@given(st.integers(1, 3 * PLAIN_BLOCK) | EDGES.filter(bool), st.data())
def test_any_flipped_bit_is_noticed_in_its_block(size: int, data: st.DataObject) -> None:
    sealed = CIPHER.seal(7, b"f" * 16, pattern(size))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptBlock) as caught:
        CIPHER.open(7, b"f" * 16, sealed)
    assert caught.value.block_no == 7 + bit // 8 // STEP


@given(st.integers(1, 3 * PLAIN_BLOCK), st.data())
def test_a_run_that_was_cut_gives_its_whole_blocks_or_an_error(
    size: int, data: st.DataObject
) -> None:
    plain = pattern(size)
    sealed = CIPHER.seal(0, b"f" * 16, plain)
    cut = data.draw(st.integers(0, len(sealed)))
    if cut % STEP == 0 or cut == len(sealed):
        assert CIPHER.open(0, b"f" * 16, sealed[:cut]) == plain[: cut // STEP * PLAIN_BLOCK] + (
            plain[cut // STEP * PLAIN_BLOCK :] if cut == len(sealed) else b""
        )
    else:
        with pytest.raises(CorruptBlock) as caught:
            CIPHER.open(0, b"f" * 16, sealed[:cut])
        assert caught.value.block_no == cut // STEP


@given(st.lists(st.booleans(), min_size=1, max_size=4), st.integers(0, PLAIN_BLOCK))
def test_holes_anywhere_read_as_zeros(holes: list[bool], last: int) -> None:
    plain = b""
    sealed = b""
    for block, hole in enumerate(holes):
        content = bytes(PLAIN_BLOCK) if hole else pattern(PLAIN_BLOCK)
        plain += content
        sealed += bytes(STEP) if hole else CIPHER.seal(block, b"f" * 16, content)
    plain += pattern(last)
    sealed += CIPHER.seal(len(holes), b"f" * 16, pattern(last))
    assert CIPHER.open(0, b"f" * 16, sealed) == plain


@given(st.binary(max_size=5000))
def test_a_value_comes_back(value: bytes) -> None:
    assert CIPHER.open_value(CIPHER.seal_value(value)) == value


@given(st.binary(min_size=1, max_size=100))
def test_bytes_that_nobody_sealed_are_no_value(data: bytes) -> None:
    with pytest.raises(CorruptBlock):
        CIPHER.open_value(data)


@given(NAMES, DIR_IVS, st.booleans())
def test_a_name_comes_back(name: bytes, dir_iv: bytes, raw64: bool) -> None:
    names, fresh = (NameCipher(bytes(32), raw64) for _ in range(2))
    assert fresh.decrypt(names.encrypt(name, dir_iv), dir_iv) == name


@given(NAMES, DIR_IVS, st.data())
def test_a_changed_name_is_refused_or_is_another_name(
    name: bytes, dir_iv: bytes, data: st.DataObject
) -> None:
    names = NameCipher(bytes(32))
    changed = bytearray(names.encrypt(name, dir_iv))
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != changed[at]))
    try:
        other = names.decrypt(bytes(changed), dir_iv)
    except BadName:
        return
    assert other != name
    assert names.encrypt(other, dir_iv) == changed


@given(st.binary(max_size=200).filter(lambda name: b"\0" not in name and name))
def test_an_attribute_name_comes_back(name: bytes) -> None:
    names = NameCipher(bytes(32))
    assert names.decrypt_xattr_name(names.encrypt_xattr_name(name)) == name
