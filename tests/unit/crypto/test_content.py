"""Proves that runs of blocks open to what was sealed, and that nothing unauthentic gets out."""

from __future__ import annotations

import os

import pytest

from vaultui.crypto.content import ContentCipher, CorruptBlock, new_file_id
from vaultui.crypto.hazmat.aead import AesGcm
from vaultui.format.blocks import GCM, PLAIN_BLOCK

KEY = bytes(range(32))
FILE_ID = bytes(range(1, 17))
STEP = GCM.cipher_block


@pytest.fixture(scope="module")
def cipher() -> ContentCipher:
    return ContentCipher(AesGcm(KEY))


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 8192, 3 * 4096 + 5])
def test_a_run_opens_to_what_was_sealed(cipher: ContentCipher, size: int) -> None:
    plain = os.urandom(size)
    sealed = cipher.seal(7, FILE_ID, plain)
    assert len(sealed) == GCM.run_size(size)
    assert cipher.open(7, FILE_ID, sealed) == plain


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_is_taken(cipher: ContentCipher, kind: type) -> None:
    sealed = cipher.seal(0, FILE_ID, kind(b"x" * 5000))
    assert cipher.open(0, FILE_ID, kind(sealed)) == b"x" * 5000


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 4 * 4096])
def test_a_reused_run_gives_the_same_as_fresh_buffers(cipher: ContentCipher, size: int) -> None:
    run = cipher.new_run(4)
    run.cipher[:] = b"\xbb" * len(run.cipher)
    plain = os.urandom(size)
    sealed = bytes(cipher.seal_run(run, 5, FILE_ID, plain))
    assert cipher.open(5, FILE_ID, sealed) == plain
    again = cipher.seal(9, FILE_ID, plain)
    run.cipher[: len(again)] = again
    assert cipher.open_run(run, 9, FILE_ID, len(again)) == plain


def test_an_answer_outlives_the_next_use_of_its_run(cipher: ContentCipher) -> None:
    run = cipher.new_run(1)
    answers = []
    for content in (b"one", b"two"):
        size = len(cipher.seal_run(run, 0, FILE_ID, content))
        answers.append(cipher.open_run(run, 0, FILE_ID, size))
    assert answers == [b"one", b"two"]


@pytest.mark.parametrize("size", [1, 16, 17, 32])
def test_a_short_block_in_a_run_is_refused_like_any_other(cipher: ContentCipher, size: int) -> None:
    run = cipher.new_run(2)
    cipher.seal_run(run, 0, FILE_ID, bytes(2 * PLAIN_BLOCK))
    with pytest.raises(CorruptBlock, match=f"block 1: it has only {size} bytes"):
        cipher.open_run(run, 0, FILE_ID, STEP + size)


def test_every_block_has_a_nonce_of_its_own(cipher: ContentCipher) -> None:
    sealed = cipher.seal(0, FILE_ID, bytes(64 * PLAIN_BLOCK))
    again = cipher.seal(0, FILE_ID, bytes(64 * PLAIN_BLOCK))
    nonces = {
        bytes(run[at : at + 16]) for run in (sealed, again) for at in range(0, len(run), STEP)
    }
    assert len(nonces) == 128


@pytest.mark.parametrize("at", [0, 15, 16, 2000, STEP - 16, STEP - 1])
def test_a_flipped_bit_names_its_block(cipher: ContentCipher, at: int) -> None:
    sealed = cipher.seal(10, FILE_ID, os.urandom(4 * PLAIN_BLOCK))
    sealed[2 * STEP + at] ^= 0x40
    with pytest.raises(CorruptBlock, match="block 12: its tag") as caught:
        cipher.open(10, FILE_ID, sealed)
    assert caught.value.block_no == 12


def test_a_block_opens_only_at_its_place_in_its_file(cipher: ContentCipher) -> None:
    sealed = cipher.seal(0, FILE_ID, bytes(2 * PLAIN_BLOCK))
    swapped = sealed[STEP:] + sealed[:STEP]
    for first, file_id, data in (
        (1, FILE_ID, sealed),
        (0, new_file_id(), sealed),
        (0, FILE_ID, swapped),
    ):
        with pytest.raises(CorruptBlock):
            cipher.open(first, file_id, data)


def test_a_full_block_of_zeros_is_a_hole(cipher: ContentCipher) -> None:
    head = cipher.seal(0, FILE_ID, b"h" * PLAIN_BLOCK)
    tail = cipher.seal(3, FILE_ID, b"tail")
    plain = cipher.open(0, FILE_ID, head + bytes(2 * STEP) + tail)
    assert plain == b"h" * PLAIN_BLOCK + bytes(2 * PLAIN_BLOCK) + b"tail"


@pytest.mark.parametrize("size", [33, 100, STEP - 1])
def test_a_short_block_of_zeros_is_no_hole(cipher: ContentCipher, size: int) -> None:
    with pytest.raises(CorruptBlock, match="block 1: its nonce is all zeros"):
        cipher.open(0, FILE_ID, bytes(STEP + size))


def test_a_nonce_of_zeros_is_refused_even_with_the_right_tag(cipher: ContentCipher) -> None:
    body = bytearray(PLAIN_BLOCK + 16)
    AesGcm(KEY).encrypt_into(bytes(16), bytes(PLAIN_BLOCK), bytes(8) + FILE_ID, body)
    with pytest.raises(CorruptBlock, match="nonce"):
        cipher.open(0, FILE_ID, bytes(16) + body)


@pytest.mark.parametrize("size", [1, 16, 31, 32])
def test_a_block_without_room_for_a_byte_is_refused(cipher: ContentCipher, size: int) -> None:
    sealed = cipher.seal(0, FILE_ID, bytes(PLAIN_BLOCK))
    with pytest.raises(CorruptBlock, match=f"block 1: it has only {size} bytes"):
        cipher.open(0, FILE_ID, sealed + os.urandom(size))


def test_unauthentic_plaintext_is_wiped_before_the_error(cipher: ContentCipher) -> None:
    seen: list[memoryview] = []

    class Watched(AesGcm):
        def __init__(self, key: bytes) -> None:
            super().__init__(key)
            decrypt = self.decrypt_into

            def watched(nonce: bytes, data: memoryview, ad: bytes, plain: memoryview) -> int:
                seen.append(plain)
                plain[:] = b"p" * len(plain)  # as a library that decrypts before it checks
                return decrypt(nonce, data, ad, plain)

            self.decrypt_into = watched

    sealed = cipher.seal(0, FILE_ID, b"secret" * 1000)
    sealed[STEP] ^= 1
    with pytest.raises(CorruptBlock):
        ContentCipher(Watched(KEY)).open(0, FILE_ID, sealed)
    assert any(seen[0])
    assert not any(seen[1])


@pytest.mark.parametrize("value", [b"x", b"target/" * 500, bytes(5000)])
def test_a_value_opens_to_what_was_sealed(cipher: ContentCipher, value: bytes) -> None:
    sealed = cipher.seal_value(value)
    assert len(sealed) == len(value) + 32
    assert cipher.open_value(sealed) == value
    assert cipher.seal_value(value) != sealed


def test_an_empty_value_stays_empty(cipher: ContentCipher) -> None:
    assert cipher.seal_value(b"") == b""
    assert cipher.open_value(b"") == b""


@pytest.mark.parametrize("at", [0, 16, -1])
def test_a_value_with_a_flipped_bit_is_refused(cipher: ContentCipher, at: int) -> None:
    sealed = bytearray(cipher.seal_value(b"value"))
    sealed[at] ^= 1
    with pytest.raises(CorruptBlock):
        cipher.open_value(bytes(sealed))


def test_a_block_of_a_file_is_no_value(cipher: ContentCipher) -> None:
    block = bytes(cipher.seal(0, FILE_ID, b"content"))
    with pytest.raises(CorruptBlock):
        cipher.open_value(block)


def test_wiping_the_key_buffer_leaves_the_cipher_working() -> None:
    key = bytearray(KEY)
    cipher = ContentCipher(AesGcm(key))
    key[:] = bytes(32)
    sealed = cipher.seal(0, FILE_ID, b"x")
    assert ContentCipher(AesGcm(KEY)).open(0, FILE_ID, sealed) == b"x"
    with pytest.raises(CorruptBlock):
        ContentCipher(AesGcm(bytes(32))).open(0, FILE_ID, sealed)
