"""Where plaintext bytes lie in a ciphertext file: block arithmetic and the file header.

A ciphertext file is empty, or a header of 18 bytes followed by blocks. A block holds
up to 4096 bytes of plaintext with a nonce and a tag; only the last block may be short. An
empty plaintext is an empty file: the header comes with the first byte.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final

from vaultui.model.ids import BlockNo

PLAIN_BLOCK: Final = 4096
"""Bytes of plaintext in a full block."""
FILE_ID_BYTES: Final = 16
HEADER_VERSION: Final = 2
HEADER_BYTES: Final = 2 + FILE_ID_BYTES
FILE_MAX: Final = (1 << 63) - 1
"""The largest file in bytes that system calls have a number for."""


class BadHeader(Exception):
    """The first bytes of a ciphertext file are no header; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def format_header(file_id: bytes) -> bytes:
    """Return the 18 bytes that a file with this ID starts with."""
    if len(file_id) != FILE_ID_BYTES or not any(file_id):
        raise ValueError("a file ID is 16 bytes, not all of them zero")
    return HEADER_VERSION.to_bytes(2, "big") + file_id


def parse_header(data: bytes) -> bytes:
    """Return the file ID in the header `data`; raises BadHeader."""
    if len(data) != HEADER_BYTES:
        raise BadHeader(f"it has {len(data)} of {HEADER_BYTES} bytes")
    version = int.from_bytes(data[:2], "big")
    file_id = bytes(data[2:])
    # A header of zeros is what a torn write leaves where the file system had only
    # allocated the space; its version would say so too, but in misleading words.
    if not any(data):
        raise BadHeader("it is all zeros")
    if version != HEADER_VERSION:
        raise BadHeader(f"it is of version {version}, not {HEADER_VERSION}")
    if not any(file_id):
        raise BadHeader("its file ID is all zeros")
    return file_id


@dataclass(frozen=True)
class Layout:
    """The sizes that follow from the nonce and the tag of a content cipher, all in bytes."""

    nonce_bytes: int
    tag_bytes: int = 16

    # Computed once: the way of every read and write goes through them.

    @functools.cached_property
    def overhead(self) -> int:
        """What a block has beyond its plaintext."""
        return self.nonce_bytes + self.tag_bytes

    @functools.cached_property
    def cipher_block(self) -> int:
        """Size of a full block of ciphertext."""
        return PLAIN_BLOCK + self.overhead

    def cipher_offset(self, block: BlockNo | int) -> int:
        """Return where `block` starts in the ciphertext file.

        Block 0 starts right after the header, not at 0.
        """
        return HEADER_BYTES + block * self.cipher_block

    def cipher_size(self, plain_size: int) -> int:
        """Return the size of the ciphertext file for this size of plaintext; 0 for 0."""
        if plain_size == 0:
            return 0
        return HEADER_BYTES + plain_size + self.overhead * block_count(plain_size)

    def plain_size(self, cipher_size: int) -> int:
        """Return the size of plaintext that a ciphertext file of this size shows.

        0 for an empty file and for a header alone. A last block too short to hold a single
        byte counts as one byte, as gocryptfs has it: reading it then fails, where leaving it
        out would hide the damage. So does less than a header, which gocryptfs takes for an
        empty file.
        """
        if cipher_size <= HEADER_BYTES:
            return 1 if 0 < cipher_size < HEADER_BYTES else 0
        full, last = divmod(cipher_size - HEADER_BYTES, self.cipher_block)
        return full * PLAIN_BLOCK + (max(last - self.overhead, 1) if last else 0)

    def is_torn(self, cipher_size: int) -> bool:
        """Tell whether no whole write can have left this size: a cut header or last block."""
        if cipher_size < HEADER_BYTES:
            return cipher_size > 0
        last = (cipher_size - HEADER_BYTES) % self.cipher_block
        return 0 < last <= self.overhead

    def run_size(self, plain_size: int) -> int:
        """Return the size of a run of sealed blocks, without a header, for this much plaintext."""
        return plain_size + self.overhead * block_count(plain_size)


GCM: Final = Layout(nonce_bytes=16)
"""AES-256-GCM as gocryptfs uses it: nonces of 16 bytes, not the usual 12."""
OLD_GCM: Final = Layout(nonce_bytes=12)
"""AES-256-GCM of gocryptfs before 0.7."""
SIV: Final = Layout(nonce_bytes=16)
"""AES-SIV-512; the tag comes before the ciphertext."""
XCHACHA: Final = Layout(nonce_bytes=24)
"""XChaCha20-Poly1305."""


def block_count(plain_size: int) -> int:
    """Return how many blocks hold this much plaintext, the last one perhaps short."""
    return -(-plain_size // PLAIN_BLOCK)
