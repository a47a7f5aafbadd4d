"""XChaCha20-Poly1305, from libsodium by way of PyNaCl.

A module of its own because loading libsodium takes longer than all else that unlocking a
volume of another cipher loads.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from nacl import bindings

# PyNaCl's public function takes and returns bytes only and spends as long on looking at them
# as libsodium on a block. What it calls itself works on the buffers that there are.
from nacl._sodium import ffi, lib  # type: ignore[import-not-found]

from vaultui.crypto.hazmat.aead import Buffer
from vaultui.format.blocks import XCHACHA

_KEY_BYTES: Final = 32


class XChaCha20Poly1305:
    """XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) with its nonces of 24 bytes."""

    layout = XCHACHA

    def __init__(self, key: Buffer) -> None:
        if len(key) != _KEY_BYTES:
            raise ValueError(f"the key is {_KEY_BYTES} bytes, not {len(key)}")
        bindings.sodium_init()
        self._key = bytes(key)

    def encrypt_into(self, nonce: Buffer, data: Buffer, ad: Buffer, buf: Buffer, /) -> int:
        # libsodium knows no lengths of buffers but those that it is told.
        if len(nonce) != XCHACHA.nonce_bytes or len(buf) != len(data) + XCHACHA.tag_bytes:
            raise ValueError("the nonce or the buffer is of the wrong length")
        lib.crypto_aead_xchacha20poly1305_ietf_encrypt(
            ffi.from_buffer(buf, require_writable=True),
            ffi.NULL,
            ffi.from_buffer(data),
            len(data),
            ffi.from_buffer(ad),
            len(ad),
            ffi.NULL,
            ffi.from_buffer(nonce),
            self._key,
        )
        return len(buf)

    def decrypt_into(self, nonce: Buffer, data: Buffer, ad: Buffer, buf: Buffer, /) -> int:
        if len(nonce) != XCHACHA.nonce_bytes or len(data) != len(buf) + XCHACHA.tag_bytes:
            raise ValueError("the nonce or the buffer is of the wrong length")
        refused = lib.crypto_aead_xchacha20poly1305_ietf_decrypt(
            ffi.from_buffer(buf, require_writable=True),
            ffi.NULL,
            ffi.NULL,
            ffi.from_buffer(data),
            len(data),
            ffi.from_buffer(ad),
            len(ad),
            ffi.from_buffer(nonce),
            self._key,
        )
        if refused:
            raise InvalidTag
        return len(buf)
