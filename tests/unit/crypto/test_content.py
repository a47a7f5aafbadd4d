"""Proves that runs of blocks open to what was sealed, and that nothing unauthentic gets out."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from vaultui.crypto.content import ContentCipher, CorruptBlock, new_aead, new_file_id
from vaultui.crypto.hazmat.aead import Aead, AesGcm, AesSiv, Buffer
from vaultui.crypto.hazmat.xchacha import XChaCha20Poly1305
from vaultui.format.blocks import OLD_GCM, PLAIN_BLOCK
from vaultui.format.features import Features

KEY = bytes(range(32))
FILE_ID = bytes(range(1, 17))
AEADS: dict[str, Callable[[Buffer], Aead]] = {
    "AES-GCM": AesGcm,
    "old AES-GCM": lambda key: AesGcm(key, OLD_GCM),
    "AES-SIV": lambda key: AesSiv(bytes(key) * 2),
    "XChaCha20-Poly1305": XChaCha20Poly1305,
}


@pytest.fixture(params=AEADS)
def make(request: pytest.FixtureRequest) -> Callable[[Buffer], Aead]:
    return AEADS[request.param]


@pytest.fixture
def cipher(make: Callable[[Buffer], Aead]) -> ContentCipher:
    return ContentCipher(make(KEY))


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 8192, 3 * 4096 + 5])
def test_a_run_opens_to_what_was_sealed(cipher: ContentCipher, size: int) -> None:
    plain = os.urandom(size)
    sealed = cipher.seal(7, FILE_ID, plain)
    assert len(sealed) == cipher.layout.run_size(size)
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


@pytest.mark.parametrize("missing", [0, 1, 15, 16, 27])
def test_a_short_block_in_a_run_is_refused_like_any_other(
    cipher: ContentCipher, missing: int
) -> None:
    size = cipher.layout.overhead - missing
    run = cipher.new_run(2)
    cipher.seal_run(run, 0, FILE_ID, bytes(2 * PLAIN_BLOCK))
    with pytest.raises(CorruptBlock, match=f"block 1: it has only {size} bytes"):
        cipher.open_run(run, 0, FILE_ID, cipher.layout.cipher_block + size)


def test_every_block_has_a_nonce_of_its_own(cipher: ContentCipher) -> None:
    sealed = cipher.seal(0, FILE_ID, bytes(64 * PLAIN_BLOCK))
    again = cipher.seal(0, FILE_ID, bytes(64 * PLAIN_BLOCK))
    step, size = cipher.layout.cipher_block, cipher.layout.nonce_bytes
    nonces = {
        bytes(run[at : at + size]) for run in (sealed, again) for at in range(0, len(run), step)
    }
    assert len(nonces) == 128


@pytest.mark.parametrize("at", [0, 11, 12, 15, 16, 24, 31, 32, 2000, -16, -1])
def test_a_flipped_bit_names_its_block(cipher: ContentCipher, at: int) -> None:
    sealed = cipher.seal(10, FILE_ID, os.urandom(4 * PLAIN_BLOCK))
    step = cipher.layout.cipher_block
    sealed[2 * step + at % step] ^= 0x40
    with pytest.raises(CorruptBlock, match="block 12: its tag") as caught:
        cipher.open(10, FILE_ID, sealed)
    assert caught.value.block_no == 12


def test_a_block_opens_only_at_its_place_in_its_file(cipher: ContentCipher) -> None:
    sealed = cipher.seal(0, FILE_ID, bytes(2 * PLAIN_BLOCK))
    step = cipher.layout.cipher_block
    swapped = sealed[step:] + sealed[:step]
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
    plain = cipher.open(0, FILE_ID, head + bytes(2 * cipher.layout.cipher_block) + tail)
    assert plain == b"h" * PLAIN_BLOCK + bytes(2 * PLAIN_BLOCK) + b"tail"


@pytest.mark.parametrize("size", [41, 100, PLAIN_BLOCK])
def test_a_short_block_of_zeros_is_no_hole(cipher: ContentCipher, size: int) -> None:
    with pytest.raises(CorruptBlock, match="block 1: its nonce is all zeros"):
        cipher.open(0, FILE_ID, bytes(cipher.layout.cipher_block + size))


def test_a_nonce_of_zeros_is_refused_even_with_the_right_tag(
    cipher: ContentCipher, make: Callable[[Buffer], Aead]
) -> None:
    body = bytearray(PLAIN_BLOCK + 16)
    nonce = bytes(cipher.layout.nonce_bytes)
    make(KEY).encrypt_into(nonce, bytes(PLAIN_BLOCK), bytes(8) + FILE_ID, body)
    with pytest.raises(CorruptBlock, match="nonce"):
        cipher.open(0, FILE_ID, nonce + body)


@pytest.mark.parametrize("missing", [0, 1, 16, 27])
def test_a_block_without_room_for_a_byte_is_refused(cipher: ContentCipher, missing: int) -> None:
    size = cipher.layout.overhead - missing
    sealed = cipher.seal(0, FILE_ID, bytes(PLAIN_BLOCK))
    with pytest.raises(CorruptBlock, match=f"block 1: it has only {size} bytes"):
        cipher.open(0, FILE_ID, sealed + os.urandom(size))


class Watched:
    """A cipher whose plaintext buffers are kept, and filled before the tag is looked at."""

    def __init__(self, aead: Aead) -> None:
        self.layout = aead.layout
        self.encrypt_into = aead.encrypt_into
        self._decrypt_into = aead.decrypt_into
        self.seen: list[memoryview | bytearray] = []

    def decrypt_into(self, nonce: Buffer, data: Buffer, ad: Buffer, plain: bytearray, /) -> int:
        self.seen.append(plain)
        plain[:] = b"p" * len(plain)
        return self._decrypt_into(nonce, data, ad, plain)


def test_unauthentic_plaintext_is_wiped_before_the_error(
    cipher: ContentCipher, make: Callable[[Buffer], Aead]
) -> None:
    watched = Watched(make(KEY))
    sealed = cipher.seal(0, FILE_ID, b"secret" * 1000)
    sealed[cipher.layout.cipher_block + cipher.layout.nonce_bytes] ^= 1
    with pytest.raises(CorruptBlock):
        ContentCipher(watched).open(0, FILE_ID, sealed)
    whole, broken = watched.seen
    assert any(whole)
    assert not any(broken)

    value = bytearray(cipher.seal_value(b"target"))
    value[-1] ^= 1
    with pytest.raises(CorruptBlock):
        ContentCipher(watched).open_value(bytes(value))
    assert not any(watched.seen[-1])


def test_given_nonces_make_the_same_ciphertext_each_time(cipher: ContentCipher) -> None:
    size = cipher.layout.nonce_bytes
    nonces = bytes(range(1, 2 * size + 1))
    plain = os.urandom(PLAIN_BLOCK + 1)
    sealed = cipher.seal(3, FILE_ID, plain, nonces)
    assert sealed == cipher.seal(3, FILE_ID, plain, nonces)
    second = sealed[cipher.layout.cipher_block :]
    assert (sealed[:size], second[:size]) == (nonces[:size], nonces[size:])
    assert cipher.open(3, FILE_ID, sealed) == plain
    value = cipher.seal_value(b"target", nonces[:size])
    assert value == cipher.seal_value(b"target", nonces[:size])
    assert value.startswith(nonces[:size])
    assert cipher.open_value(value) == b"target"


@pytest.mark.parametrize("value", [b"x", b"target/" * 500, bytes(5000)])
def test_a_value_opens_to_what_was_sealed(cipher: ContentCipher, value: bytes) -> None:
    sealed = cipher.seal_value(value)
    assert len(sealed) == len(value) + cipher.layout.overhead
    assert cipher.open_value(sealed) == value
    assert cipher.seal_value(value) != sealed


def test_an_empty_value_stays_empty(cipher: ContentCipher) -> None:
    assert cipher.seal_value(b"") == b""
    assert cipher.open_value(b"") == b""


@pytest.mark.parametrize("at", [0, 16, 24, -1])
def test_a_value_with_a_flipped_bit_is_refused(cipher: ContentCipher, at: int) -> None:
    sealed = bytearray(cipher.seal_value(b"value"))
    sealed[at] ^= 1
    with pytest.raises(CorruptBlock):
        cipher.open_value(bytes(sealed))


def test_a_block_of_a_file_is_no_value(cipher: ContentCipher) -> None:
    block = bytes(cipher.seal(0, FILE_ID, b"content"))
    with pytest.raises(CorruptBlock):
        cipher.open_value(block)


def test_wiping_the_key_buffer_leaves_the_cipher_working(
    make: Callable[[Buffer], Aead],
) -> None:
    key = bytearray(KEY)
    cipher = ContentCipher(make(key))
    key[:] = bytes(32)
    sealed = cipher.seal(0, FILE_ID, b"x")
    assert ContentCipher(make(KEY)).open(0, FILE_ID, sealed) == b"x"
    with pytest.raises(CorruptBlock):
        ContentCipher(make(bytes(32))).open(0, FILE_ID, sealed)


@pytest.mark.parametrize(
    ("flags", "kind", "nonce_bytes"),
    [
        ("HKDF GCMIV128 DirIV EMENames", AesGcm, 16),
        ("DirIV EMENames", AesGcm, 12),
        ("GCMIV128 DirIV EMENames AESSIV", AesSiv, 16),
        ("HKDF XChaCha20Poly1305 DirIV EMENames", XChaCha20Poly1305, 24),
    ],
)
def test_features_choose_the_cipher(flags: str, kind: type, nonce_bytes: int) -> None:
    key = bytes(64 if kind is AesSiv else 32)
    aead = new_aead(Features.parse(flags.split()), key)
    assert type(aead) is kind
    assert aead.layout.nonce_bytes == nonce_bytes


def test_no_cipher_writes_past_a_buffer_of_the_wrong_size(
    make: Callable[[Buffer], Aead],
) -> None:
    aead = make(KEY)
    nonce, data = bytes(aead.layout.nonce_bytes), bytes(100)
    sealed = bytearray(116)
    aead.encrypt_into(nonce, data, b"", sealed)
    for size in (0, 99, 115, 117, 200):
        with pytest.raises(ValueError):
            aead.encrypt_into(nonce, data, b"", bytearray(size))
    for size in (0, 99, 101):
        with pytest.raises(ValueError):
            aead.decrypt_into(nonce, sealed, b"", bytearray(size))


def test_xchacha_refuses_what_libsodium_would_read_past() -> None:
    aead = XChaCha20Poly1305(KEY)
    for nonce in (b"", bytes(16), bytes(25)):
        with pytest.raises(ValueError):
            aead.encrypt_into(nonce, b"x", b"", bytearray(17))
        with pytest.raises(ValueError):
            aead.decrypt_into(nonce, bytes(17), b"", bytearray(1))
    for key in (b"", bytes(31), bytes(33)):
        with pytest.raises(ValueError):
            XChaCha20Poly1305(key)
    with pytest.raises(ValueError):
        aead.decrypt_into(bytes(24), bytes(15), b"", bytearray(0))
    with pytest.raises((TypeError, BufferError, ValueError)):
        aead.encrypt_into(bytes(24), b"x", b"", bytes(17))
