"""Encryption of file content in runs of blocks, and of small values in one block.

A block's associated data is its number and the ID of its file, so a block that was moved
within a file or into another one does not open. What is not authentic never leaves
this module: the buffer is wiped before the error is raised.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from typing import Final

from vaultui.crypto.hazmat.aead import Aead, AesGcm, AesSiv, Buffer, InvalidTag
from vaultui.format.blocks import FILE_ID_BYTES, OLD_GCM, PLAIN_BLOCK, Layout, block_count
from vaultui.format.features import ContentScheme, FeatureFlag, Features
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


def new_aead(features: Features, key: Buffer) -> Aead:
    """Return the content cipher that these features ask for."""
    if features.content is ContentScheme.XCHACHA:
        # Loaded where it is used: see there.
        from vaultui.crypto.hazmat.xchacha import XChaCha20Poly1305

        return XChaCha20Poly1305(key)
    if features.content is ContentScheme.AES_SIV:
        return AesSiv(key)
    return AesGcm(key) if features.has(FeatureFlag.GCM_IV128) else AesGcm(key, OLD_GCM)


class Run:
    """Room for the ciphertext of a run of blocks, used again and again.

    Read ciphertext straight into `cipher` and open it, or seal into it and write it from
    there. The views of each block are cut once, here: cutting them for every block takes a
    fifth of the time of AES-GCM. For one thread at a time. Plaintext has no such room,
    because whoever asked for it may still hold the last answer.
    """

    __slots__ = ("blocks", "bodies", "cipher", "nonces")

    def __init__(self, layout: Layout, blocks: int) -> None:
        self.blocks = blocks
        self.cipher = memoryview(bytearray(layout.cipher_block * blocks))
        self.nonces, self.bodies = _cut(self.cipher, layout)


class ContentCipher:
    """Content under one key. Stateless between calls, so usable from several threads.

    `seal` and `open` allocate what they return. `seal_run` and `open_run` do the same with
    the ciphertext in a `Run`, for the path that serves reads and writes.
    """

    def __init__(self, aead: Aead) -> None:
        self.layout = aead.layout
        self._encrypt_into = aead.encrypt_into
        self._decrypt_into = aead.decrypt_into
        self._zero_block = bytes(self.layout.cipher_block)
        self._zero_nonce = bytes(self.layout.nonce_bytes)

    def new_run(self, blocks: int) -> Run:
        """Return room for runs of up to `blocks` blocks."""
        return Run(self.layout, blocks)

    def seal_run(
        self, run: Run, first_block: BlockNo | int, file_id: bytes, plaintext: Buffer
    ) -> memoryview:
        """Return the ciphertext of `plaintext`, which must fit into `run`; otherwise as `seal`.

        It is a view of `run.cipher`, good until the run is used again.
        """
        size = len(plaintext)
        bodies = run.bodies
        full, last = divmod(size, PLAIN_BLOCK)
        if last:
            bodies = [*bodies[:full], bodies[full][: last + self.layout.tag_bytes]]
        self._seal(first_block, file_id, plaintext, run.nonces, bodies)
        return run.cipher[: self.layout.run_size(size)]

    def open_run(
        self, run: Run, first_block: BlockNo | int, file_id: bytes, size: int
    ) -> bytearray:
        """Return the plaintext of the first `size` bytes of `run.cipher`, as `open` does."""
        bodies = run.bodies
        full, last = divmod(size, self.layout.cipher_block)
        if last > self.layout.nonce_bytes:
            bodies = [*bodies[:full], bodies[full][: last - self.layout.nonce_bytes]]
        return self._open(first_block, file_id, size, run.nonces, bodies)

    def seal(
        self,
        first_block: BlockNo | int,
        file_id: bytes,
        plaintext: Buffer,
        nonces: bytes | None = None,
    ) -> bytearray:
        """Return the ciphertext of a run of blocks that starts at `first_block`.

        All blocks are full but the last, which holds what remains. Each has a fresh random
        nonce; those of a run are drawn in one call. `nonces`, one behind the other, are for
        a view that has to come out the same each time: with AES-SIV and nothing else.
        """
        out = bytearray(self.layout.run_size(len(plaintext)))
        self._seal(first_block, file_id, plaintext, *_cut(memoryview(out), self.layout), nonces)
        return out

    def open(self, first_block: BlockNo | int, file_id: bytes, ciphertext: Buffer) -> bytearray:
        """Return the plaintext of a run of blocks; raises CorruptBlock naming the first bad one.

        A full block of zeros is a hole, which `ftruncate` or a seek left in the ciphertext
        file: it reads as zeros. Only the last block of the run may be short, and it is the
        caller who knows whether the file ends there.
        """
        cut = _cut(memoryview(ciphertext), self.layout)
        return self._open(first_block, file_id, len(ciphertext), *cut)

    def _seal(
        self,
        first_block: int,
        file_id: bytes,
        plaintext: Buffer,
        nonces: Sequence[memoryview],
        bodies: Sequence[memoryview],
        given: bytes | None = None,
    ) -> None:
        # This loop and the one below are what a read or write consists of: names are
        # local, and nothing is cut or allocated that can be had beforehand.
        nonce_bytes = self.layout.nonce_bytes
        count = block_count(len(plaintext))
        chosen = os.urandom(nonce_bytes * count) if given is None else given
        source = memoryview(plaintext)
        encrypt_into = self._encrypt_into
        pack = _AD.pack
        at = start = 0
        for i in range(count):
            nonces[i][:] = nonce = chosen[at : at + nonce_bytes]
            block = source[start : start + PLAIN_BLOCK]
            encrypt_into(nonce, block, pack(first_block + i, file_id), bodies[i])
            at += nonce_bytes
            start += PLAIN_BLOCK

    def _open(
        self,
        first_block: int,
        file_id: bytes,
        size: int,
        nonces: Sequence[memoryview],
        bodies: Sequence[memoryview],
    ) -> bytearray:
        full, last = divmod(size, self.layout.cipher_block)
        plain_size = full * PLAIN_BLOCK
        count = full
        if last:
            if last <= self.layout.overhead:
                raise CorruptBlock(first_block + full, f"it has only {last} bytes")
            plain_size += last - self.layout.overhead
            count += 1
        out = bytearray(plain_size)
        view = memoryview(out)
        decrypt_into = self._decrypt_into
        zero_nonce = self._zero_nonce
        pack = _AD.pack
        start = 0
        for i in range(count):
            plain = view[start : start + PLAIN_BLOCK]
            start += PLAIN_BLOCK
            nonce = nonces[i].tobytes()
            if nonce == zero_nonce:
                self._check_hole(first_block + i, bodies[i])
                continue
            try:
                decrypt_into(nonce, bodies[i], pack(first_block + i, file_id), plain)
            except InvalidTag:
                # The library has already written what it decrypted.
                plain[:] = bytes(len(plain))
                raise CorruptBlock(first_block + i, "its tag does not match") from None
        return out

    def _check_hole(self, block: int, body: memoryview) -> None:
        """Raise CorruptBlock unless all of a block whose nonce is zero is, and it is full."""
        # Compared as bytes: memoryviews compare element by element, sixty times slower.
        if body.tobytes() != self._zero_block[self.layout.nonce_bytes :]:
            raise CorruptBlock(block, "its nonce is all zeros")

    def seal_value(self, value: bytes, nonce: bytes | None = None) -> bytes:
        """Return the ciphertext of a symlink target or attribute value; empty stays empty.

        The nonce is random, but for a given one, of which the same holds as in `seal`.
        """
        if not value:
            return b""
        if nonce is None:
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


def _cut(cipher: memoryview, layout: Layout) -> tuple[list[memoryview], list[memoryview]]:
    """Return views of the nonce of each block, and of what follows it."""
    step = layout.cipher_block
    nonce_bytes = layout.nonce_bytes
    starts = range(0, len(cipher), step)
    return (
        [cipher[at : at + nonce_bytes] for at in starts],
        [cipher[at + nonce_bytes : at + step] for at in starts],
    )
