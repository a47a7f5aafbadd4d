"""Encryption of file content in runs of blocks, and of small values in one block.

A block's associated data is its number and the ID of its file, so a block that was moved
within a file or into another one does not open. What is not authentic never leaves
this module: the buffer is wiped before the error is raised.
"""

from __future__ import annotations

import os
import struct
from typing import Final

from vaultui.crypto.hazmat.aead import Aead, Buffer, InvalidTag
from vaultui.format.blocks import FILE_ID_BYTES, PLAIN_BLOCK
from vaultui.model.ids import BlockNo

_AD: Final = struct.Struct(f">Q{FILE_ID_BYTES}s")
_VALUE_AD: Final = bytes(8)
"""Block number 0 and no file ID: symlink targets and attribute values have none."""


class CorruptBlock(Exception):
    """A block that cannot be opened; `reason` is for the log and the time line."""

    def __init__(self, block_no: BlockNo | int, reason: str) -> None:
        super().__init__(f"block {block_no}: {reason}")
        self.block_no = BlockNo(block_no)
        self.reason = reason


def new_file_id() -> bytes:
    """Return a random file ID; never all zeros, which means damage on disk."""
    file_id = os.urandom(FILE_ID_BYTES)
    return file_id if any(file_id) else new_file_id()


class ContentCipher:
    """Content under one key. Stateless between calls, so usable from several threads."""

    def __init__(self, aead: Aead) -> None:
        self.layout = aead.layout
        self._encrypt_into = aead.encrypt_into
        self._decrypt_into = aead.decrypt_into
        self._zero_block = bytes(self.layout.cipher_block)
        self._zero_nonce = bytes(self.layout.nonce_bytes)

    def seal(self, first_block: BlockNo | int, file_id: bytes, plaintext: Buffer) -> bytearray:
        """Return the ciphertext of a run of blocks that starts at `first_block`.

        All blocks are full but the last, which holds what remains. Each has a fresh random
        nonce; those of a run are drawn in one call.
        """
        size = len(plaintext)
        nonce_bytes = self.layout.nonce_bytes
        out = bytearray(self.layout.run_size(size))
        nonces = os.urandom(nonce_bytes * -(-size // PLAIN_BLOCK))
        encrypt_into = self._encrypt_into
        pack = _AD.pack
        step = self.layout.cipher_block
        nonce_at = at = 0
        block = first_block
        with memoryview(out) as view, memoryview(plaintext) as source:
            for start in range(0, size, PLAIN_BLOCK):
                nonce = nonces[nonce_at : nonce_at + nonce_bytes]
                nonce_at += nonce_bytes
                body = at + nonce_bytes
                view[at:body] = nonce
                at += step
                encrypt_into(
                    nonce,
                    source[start : start + PLAIN_BLOCK],
                    pack(block, file_id),
                    view[body:at],
                )
                block += 1
        return out

    def open(self, first_block: BlockNo | int, file_id: bytes, ciphertext: Buffer) -> bytearray:
        """Return the plaintext of a run of blocks; raises CorruptBlock naming the first bad one.

        A full block of zeros is a hole, which `ftruncate` or a seek left in the ciphertext
        file: it reads as zeros. Only the last block of the run may be short, and it is the
        caller who knows whether the file ends there.
        """
        layout = self.layout
        nonce_bytes = layout.nonce_bytes
        step = layout.cipher_block
        size = len(ciphertext)
        full, last = divmod(size, step)
        if 0 < last <= layout.overhead:
            raise CorruptBlock(first_block + full, f"it has only {last} bytes")
        out = bytearray(full * PLAIN_BLOCK + max(last - layout.overhead, 0))
        decrypt_into = self._decrypt_into
        zero_nonce = self._zero_nonce
        pack = _AD.pack
        start = 0
        block = first_block
        with memoryview(out) as view, memoryview(ciphertext) as source:
            for at in range(0, size, step):
                body = at + nonce_bytes
                nonce = bytes(source[at:body])
                if nonce == zero_nonce:
                    if bytes(source[at : at + step]) == self._zero_block:
                        start += PLAIN_BLOCK
                        block += 1
                        continue
                    view[:] = bytes(len(view))
                    raise CorruptBlock(block, "its nonce is all zeros")
                try:
                    decrypt_into(
                        nonce,
                        source[body : at + step],
                        pack(block, file_id),
                        view[start : start + PLAIN_BLOCK],
                    )
                except InvalidTag:
                    # The library has already written what it decrypted.
                    view[:] = bytes(len(view))
                    raise CorruptBlock(block, "its tag does not match") from None
                start += PLAIN_BLOCK
                block += 1
        return out

    def seal_value(self, value: bytes) -> bytes:
        """Return the ciphertext of a symlink target or attribute value; empty stays empty."""
        if not value:
            return b""
        nonce = os.urandom(self.layout.nonce_bytes)
        body = bytearray(len(value) + self.layout.tag_bytes)
        self._encrypt_into(nonce, value, _VALUE_AD, body)
        return nonce + body

    def open_value(self, sealed: bytes) -> bytes:
        """Return what `seal_value` took; raises CorruptBlock with number 0."""
        if not sealed:
            return b""
        size = len(sealed) - self.layout.overhead
        if size <= 0:
            raise CorruptBlock(0, f"it has only {len(sealed)} bytes")
        nonce = sealed[: self.layout.nonce_bytes]
        if nonce == self._zero_nonce:
            raise CorruptBlock(0, "its nonce is all zeros")
        value = bytearray(size)
        try:
            self._decrypt_into(nonce, sealed[self.layout.nonce_bytes :], _VALUE_AD, value)
        except InvalidTag:
            value[:] = bytes(size)
            raise CorruptBlock(0, "its tag does not match") from None
        return bytes(value)
