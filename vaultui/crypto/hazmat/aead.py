"""Authenticated ciphers for content, behind one signature.

A cipher writes ciphertext and tag (in its own order) into a buffer of the caller, and
plaintext back into one. The nonce is stored in front of that by the caller.
"""

from __future__ import annotations

from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from vaultui.format.blocks import GCM, SIV, Layout

__all__ = ["Aead", "AesGcm", "AesSiv", "Buffer", "InvalidTag"]

Buffer = bytes | bytearray | memoryview


class Aead(Protocol):
    """What a content cipher offers. The buffers of one call must not overlap."""

    @property
    def layout(self) -> Layout: ...

    def encrypt_into(self, nonce: Buffer, data: Buffer, ad: Buffer, buf: Buffer, /) -> int:
        """Fill `buf`, `layout.tag_bytes` longer than `data`, with ciphertext and tag."""

    def decrypt_into(self, nonce: Buffer, data: Buffer, ad: Buffer, buf: Buffer, /) -> int:
        """Fill `buf` with plaintext; raises InvalidTag.

        After InvalidTag `buf` holds plaintext that nobody vouches for: wipe it.
        """


class AesGcm:
    """AES-256-GCM with nonces of any length, by default those of 16 bytes.

    A nonce that is not 12 bytes long goes through GHASH to become the first counter block
    (NIST SP 800-38D, 7.1), which the library does by itself from the length of the nonce.
    The methods are the library's own: a Python frame around each would cost a tenth of
    the time of a 4 KiB block.
    """

    def __init__(self, key: Buffer, layout: Layout = GCM) -> None:
        aead = AESGCM(key)
        self.layout = layout
        self.encrypt_into = aead.encrypt_into
        self.decrypt_into = aead.decrypt_into


class AesSiv:
    """AES-SIV-512 (RFC 5297) under a key of 64 bytes; associated are the data, then the nonce.

    The tag comes before the ciphertext. It is made from the plaintext too, so a nonce that is
    used twice gives away no more than that the two plaintexts were equal.
    """

    layout = SIV

    def __init__(self, key: Buffer) -> None:
        aead = AESSIV(key)
        self._encrypt_into = aead.encrypt_into
        self._decrypt_into = aead.decrypt_into

    def encrypt_into(self, nonce: Buffer, data: Buffer, ad: Buffer, buf: Buffer, /) -> int:
        return self._encrypt_into(data, [ad, nonce], buf)

    def decrypt_into(self, nonce: Buffer, data: Buffer, ad: Buffer, buf: Buffer, /) -> int:
        return self._decrypt_into(data, [ad, nonce], buf)
