"""Proves for any content and name: it comes back, and no change goes unnoticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.crypto.content import ContentCipher, CorruptBlock
from vaultui.crypto.filename import FIXED_IV, BadName, NameCipher, PlainNames
from vaultui.crypto.hazmat.aead import AesGcm, AesSiv
from vaultui.crypto.hazmat.xchacha import XChaCha20Poly1305
from vaultui.format.blocks import OLD_GCM, PLAIN_BLOCK

KEY = bytes(range(32))
CIPHERS = st.sampled_from(
    [
        ContentCipher(AesGcm(KEY)),
        ContentCipher(AesGcm(KEY, OLD_GCM)),
        ContentCipher(AesSiv(KEY * 2)),
        ContentCipher(XChaCha20Poly1305(KEY)),
    ]
)

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


@given(CIPHERS, BLOCKS, FILE_IDS, SIZES)
def test_content_comes_back_through_fresh_buffers_and_through_a_run(
    cipher: ContentCipher, first: int, file_id: bytes, size: int
) -> None:
    plain = pattern(size)
    run = cipher.new_run(4)
    in_run = cipher.seal_run(run, first, file_id, plain).tobytes()
    sealed = cipher.seal(first, file_id, plain)
    assert len(in_run) == len(sealed) == cipher.layout.run_size(size)
    for data in (in_run, sealed):
        assert cipher.open(first, file_id, data) == plain
        run.cipher[: len(data)] = data
        assert cipher.open_run(run, first, file_id, len(data)) == plain


@given(CIPHERS, st.integers(1, 3 * PLAIN_BLOCK) | EDGES.filter(bool), st.data())
def test_any_flipped_bit_is_noticed_in_its_block(
    cipher: ContentCipher, size: int, data: st.DataObject
) -> None:
    sealed = cipher.seal(7, b"f" * 16, pattern(size))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptBlock) as caught:
        cipher.open(7, b"f" * 16, sealed)
    assert caught.value.block_no == 7 + bit // 8 // cipher.layout.cipher_block


@given(CIPHERS, st.permutations(range(4)))
def test_blocks_in_another_order_do_not_open(cipher: ContentCipher, order: list[int]) -> None:
    sealed = cipher.seal(0, b"f" * 16, pattern(4 * PLAIN_BLOCK))
    step = cipher.layout.cipher_block
    moved = b"".join(sealed[block * step :][:step] for block in order)
    if order == sorted(order):
        assert moved == sealed
    else:
        with pytest.raises(CorruptBlock) as caught:
            cipher.open(0, b"f" * 16, moved)
        assert caught.value.block_no == next(at for at in range(4) if order[at] != at)


@given(CIPHERS, st.integers(1, 3 * PLAIN_BLOCK), st.data())
def test_a_run_that_was_cut_gives_its_whole_blocks_or_an_error(
    cipher: ContentCipher, size: int, data: st.DataObject
) -> None:
    step = cipher.layout.cipher_block
    plain = pattern(size)
    sealed = cipher.seal(0, b"f" * 16, plain)
    cut = data.draw(st.integers(0, len(sealed)))
    if cut % step == 0 or cut == len(sealed):
        assert cipher.open(0, b"f" * 16, sealed[:cut]) == plain[: cut // step * PLAIN_BLOCK] + (
            plain[cut // step * PLAIN_BLOCK :] if cut == len(sealed) else b""
        )
    else:
        with pytest.raises(CorruptBlock) as caught:
            cipher.open(0, b"f" * 16, sealed[:cut])
        assert caught.value.block_no == cut // step


@given(CIPHERS, st.lists(st.booleans(), min_size=1, max_size=4), st.integers(0, PLAIN_BLOCK))
def test_holes_anywhere_read_as_zeros(cipher: ContentCipher, holes: list[bool], last: int) -> None:
    step = cipher.layout.cipher_block
    plain = b""
    sealed = b""
    for block, hole in enumerate(holes):
        content = bytes(PLAIN_BLOCK) if hole else pattern(PLAIN_BLOCK)
        plain += content
        sealed += bytes(step) if hole else cipher.seal(block, b"f" * 16, content)
    plain += pattern(last)
    sealed += cipher.seal(len(holes), b"f" * 16, pattern(last))
    assert cipher.open(0, b"f" * 16, sealed) == plain


@given(CIPHERS, st.binary(max_size=5000))
def test_a_value_comes_back(cipher: ContentCipher, value: bytes) -> None:
    assert cipher.open_value(cipher.seal_value(value)) == value


@given(CIPHERS, st.binary(min_size=1, max_size=100))
def test_bytes_that_nobody_sealed_are_no_value(cipher: ContentCipher, data: bytes) -> None:
    with pytest.raises(CorruptBlock):
        cipher.open_value(data)


@given(NAMES, DIR_IVS, st.booleans())
def test_a_name_comes_back(name: bytes, dir_iv: bytes, raw64: bool) -> None:
    names, fresh = (NameCipher(bytes(32), raw64) for _ in range(2))
    assert fresh.decrypt(names.encrypt(name, dir_iv), dir_iv) == name


@given(st.binary(max_size=300))
def test_a_plain_name_is_refused_both_ways_or_stays_as_it_is(name: bytes) -> None:
    names = PlainNames(KEY)
    try:
        assert names.encrypt(name, FIXED_IV) == name
    except BadName:
        with pytest.raises(BadName):
            names.decrypt(name, FIXED_IV)
        assert not 0 < len(name) < 256 or set(b"/\0") & set(name) or name in (b".", b"..")
    else:
        assert names.decrypt(name, FIXED_IV) == name


@given(
    st.binary(max_size=400) | st.text("AZaz09-_=", max_size=360).map(str.encode),
    st.sampled_from([NameCipher(KEY), NameCipher(KEY, raw64=False), PlainNames(KEY)]),
)
def test_what_is_no_name_on_disk_is_refused_or_encrypts_back_to_itself(
    cname: bytes, names: NameCipher | PlainNames
) -> None:
    try:
        name = names.decrypt(cname, FIXED_IV)
    except BadName as error:
        assert error.reason  # noqa: PT017 - most inputs end here, and both ends are right
    else:
        assert names.encrypt(name, FIXED_IV) == cname


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


@given(
    st.binary(max_size=200).filter(lambda name: b"\0" not in name and name),
    st.sampled_from([NameCipher(KEY), NameCipher(KEY, raw64=False), PlainNames(KEY)]),
)
def test_an_attribute_name_comes_back(name: bytes, names: NameCipher | PlainNames) -> None:
    assert names.decrypt_xattr_name(names.encrypt_xattr_name(name)) == name
