"""Proves EME against the formulas of the paper, written out block by block.

The published vectors are in tests/vectors.
"""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from vaultui.crypto.hazmat.eme import Eme

KEY = bytes(range(32))
TWEAK = bytes(range(16))


def aes(block: bytes) -> bytes:
    return Cipher(algorithms.AES(KEY), modes.ECB()).encryptor().update(block)


def xor(*blocks: bytes) -> bytes:
    total = bytes(16)
    for block in blocks:
        total = bytes(a ^ b for a, b in zip(total, block, strict=True))
    return total


def doubled(block: bytes) -> bytes:
    """Byte 0 is the lowest, and what falls out at byte 15 comes back as 0x87 at byte 0."""
    carries = [byte >> 7 for byte in block]
    shifted = [(block[i] << 1 & 0xFF) | (carries[i - 1] if i else 0) for i in range(16)]
    shifted[0] ^= 0x87 * carries[15]
    return bytes(shifted)


def reference(tweak: bytes, data: bytes) -> bytes:
    blocks = [data[at : at + 16] for at in range(0, len(data), 16)]
    mask = doubled(aes(bytes(16)))
    masks = []
    for _ in blocks:
        masks.append(mask)
        mask = doubled(mask)
    inner = [aes(xor(block, mask)) for block, mask in zip(blocks, masks, strict=True)]
    mp = xor(*inner, tweak)
    mc = aes(mp)
    m = xor(mp, mc)
    outer = [b""]
    for block in inner[1:]:
        m = doubled(m)
        outer.append(xor(block, m))
    outer[0] = xor(mc, tweak, *outer[1:])
    return b"".join(xor(aes(block), mask) for block, mask in zip(outer, masks, strict=True))


@given(tweak=st.binary(min_size=16, max_size=16), count=st.integers(1, 128), data=st.data())
def test_it_is_the_mode_of_the_paper_and_its_own_inverse(
    tweak: bytes, count: int, data: st.DataObject
) -> None:
    plain = data.draw(st.binary(min_size=16 * count, max_size=16 * count))
    eme = Eme(KEY)
    sealed = eme.encrypt(tweak, plain)
    assert sealed == reference(tweak, plain)
    assert eme.decrypt(tweak, sealed) == plain


def test_every_bit_of_the_input_changes_every_block() -> None:
    eme = Eme(KEY)
    base = eme.encrypt(TWEAK, bytes(64))
    for at in range(64):
        other = eme.encrypt(TWEAK, bytes(at) + b"\1" + bytes(63 - at))
        assert all(base[i : i + 16] != other[i : i + 16] for i in range(0, 64, 16))


@pytest.mark.parametrize("size", [0, 1, 15, 17, 129 * 16])
def test_other_sizes_than_one_to_128_blocks_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="blocks"):
        Eme(KEY).encrypt(TWEAK, bytes(size))


def test_a_tweak_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="tweak"):
        Eme(KEY).encrypt(b"short", bytes(16))
