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

from vaultui.crypto.hazmat.aead import Aead, Buffer, InvalidTag
from vaultui.format.blocks import FILE_ID_BYTES, PLAIN_BLOCK, Layout
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


class Run:
    """Room for a run of blocks on both sides, used again and again.

    Read ciphertext straight into `cipher` and open it, or put plaintext into `plain` and
    seal it. The views of each block are cut once, here: cutting them for every block takes
    a quarter of the time of AES-GCM. For one thread at a time.
    """

    __slots__ = ("blocks", "bodies", "cipher", "nonces", "plain", "plains")

    def __init__(self, layout: Layout, blocks: int) -> None:
        step = layout.cipher_block
        nonce_bytes = layout.nonce_bytes
        self.blocks = blocks
        self.cipher = memoryview(bytearray(step * blocks))
        self.plain = memoryview(bytearray(PLAIN_BLOCK * blocks))
        self.nonces = [self.cipher[at : at + nonce_bytes] for at in range(0, step * blocks, step)]
        self.bodies = [
            self.cipher[at + nonce_bytes : at + step] for at in range(0, step * blocks, step)
        ]
        self.plains = [
            self.plain[at : at + PLAIN_BLOCK] for at in range(0, PLAIN_BLOCK * blocks, PLAIN_BLOCK)
        ]

    def wipe(self) -> None:
        """Overwrite the plaintext that the last use left."""
        self.plain[:] = bytes(len(self.plain))


class ContentCipher:
    """Content under one key. Stateless between calls, so usable from several threads.

    `seal` and `open` allocate what they return. `seal_run` and `open_run` do the same in
    the buffers of a `Run`, for the path that serves reads and writes.
    """

    def __init__(self, aead: Aead) -> None:
        self.layout = aead.layout
        self._encrypt_into = aead.encrypt_into
        self._decrypt_into = aead.decrypt_into
        self._zero_block = bytes(self.layout.cipher_block)
        self._zero_nonce = bytes(self.layout.nonce_bytes)

    def new_run(self, blocks: int = 256) -> Run:
        """Return buffers for runs of up to `blocks` blocks; 256 are 1 MiB, FUSE's largest write."""
        return Run(self.layout, blocks)

    def seal_run(
        self, run: Run, first_block: BlockNo | int, file_id: bytes, size: int
    ) -> memoryview:
        """Return the ciphertext of the first `size` bytes of `run.plain`.

        It is a view of `run.cipher`, good until the run is used again.
        """
        full, last = divmod(size, PLAIN_BLOCK)
        self._seal(first_block, file_id, full, run.nonces, run.bodies, run.plains)
        if last:
            body = run.bodies[full][: last + self.layout.tag_bytes]
            self._seal(
                first_block + full, file_id, 1, run.nonces[full:], [body], [run.plains[full][:last]]
            )
        return run.cipher[: self.layout.run_size(size)]

    def open_run(
        self, run: Run, first_block: BlockNo | int, file_id: bytes, size: int
    ) -> memoryview:
        """Return the plaintext of the first `size` bytes of `run.cipher`.

        It is a view of `run.plain`, good until the run is used again. Holes and errors are
        those of `open`; after an error `run.plain` holds nothing that is not authentic.
        """
        full, last = divmod(size, self.layout.cipher_block)
        self._open(first_block, file_id, full, run.nonces, run.bodies, run.plains)
        plain_size = full * PLAIN_BLOCK
        if last:
            left = self._check_short(first_block + full, last)
            body = run.bodies[full][: last - self.layout.nonce_bytes]
            self._open(
                first_block + full, file_id, 1, run.nonces[full:], [body], [run.plains[full][:left]]
            )
            plain_size += left
        return run.plain[:plain_size]

    def seal(self, first_block: BlockNo | int, file_id: bytes, plaintext: Buffer) -> bytearray:
        """Return the ciphertext of a run of blocks that starts at `first_block`.

        All blocks are full but the last, which holds what remains. Each has a fresh random
        nonce; those of a run are drawn in one call.
        """
        step = self.layout.cipher_block
        size = len(plaintext)
        out = bytearray(self.layout.run_size(size))
        view = memoryview(out)
        source = memoryview(plaintext)
        nonces = []
        bodies = []
        for at in range(0, len(out), step):
            body = at + self.layout.nonce_bytes
            nonces.append(view[at:body])
            bodies.append(view[body : at + step])
        plains = [source[at : at + PLAIN_BLOCK] for at in range(0, size, PLAIN_BLOCK)]
        self._seal(first_block, file_id, len(plains), nonces, bodies, plains)
        return out

    def open(self, first_block: BlockNo | int, file_id: bytes, ciphertext: Buffer) -> bytearray:
        """Return the plaintext of a run of blocks; raises CorruptBlock naming the first bad one.

        A full block of zeros is a hole, which `ftruncate` or a seek left in the ciphertext
        file: it reads as zeros. Only the last block of the run may be short, and it is the
        caller who knows whether the file ends there.
        """
        step = self.layout.cipher_block
        size = len(ciphertext)
        full, last = divmod(size, step)
        out = bytearray(full * PLAIN_BLOCK)
        if last:
            out += bytes(self._check_short(first_block + full, last))
        view = memoryview(out)
        source = memoryview(ciphertext)
        nonces = []
        bodies = []
        for at in range(0, size, step):
            body = at + self.layout.nonce_bytes
            nonces.append(source[at:body])
            bodies.append(source[body : at + step])
        plains = [view[at : at + PLAIN_BLOCK] for at in range(0, len(out), PLAIN_BLOCK)]
        self._open(first_block, file_id, len(plains), nonces, bodies, plains)
        return out

    def _seal(
        self,
        first_block: int,
        file_id: bytes,
        count: int,
        nonces: Sequence[memoryview],
        bodies: Sequence[memoryview],
        plains: Sequence[memoryview],
    ) -> None:
        # This loop and the one below are what a read or write consists of: names are
        # local, and nothing is cut or allocated that can be had beforehand.
        nonce_bytes = self.layout.nonce_bytes
        random = os.urandom(nonce_bytes * count)
        encrypt_into = self._encrypt_into
        pack = _AD.pack
        at = 0
        for i in range(count):
            nonces[i][:] = nonce = random[at : at + nonce_bytes]
            encrypt_into(nonce, plains[i], pack(first_block + i, file_id), bodies[i])
            at += nonce_bytes

    def _open(
        self,
        first_block: int,
        file_id: bytes,
        count: int,
        nonces: Sequence[memoryview],
        bodies: Sequence[memoryview],
        plains: Sequence[memoryview],
    ) -> None:
        decrypt_into = self._decrypt_into
        zero_nonce = self._zero_nonce
        pack = _AD.pack
        for i in range(count):
            nonce = nonces[i].tobytes()
            if nonce == zero_nonce:
                self._open_zeros(first_block + i, bodies[i], plains[i])
                continue
            try:
                decrypt_into(nonce, bodies[i], pack(first_block + i, file_id), plains[i])
            except InvalidTag:
                # The library has already written what it decrypted.
                plains[i][:] = bytes(len(plains[i]))
                raise CorruptBlock(first_block + i, "its tag does not match") from None

    def _open_zeros(self, block: int, body: memoryview, plain: memoryview) -> None:
        """Read a block whose nonce is zero: a hole when all of it is zero and it is full."""
        # Compared as bytes: memoryviews compare element by element, sixty times slower.
        if body.tobytes() != self._zero_block[self.layout.nonce_bytes :]:
            raise CorruptBlock(block, "its nonce is all zeros")
        plain[:] = self._zero_block[:PLAIN_BLOCK]

    def _check_short(self, block: int, size: int) -> int:
        """Return the plaintext bytes in a last block of `size` bytes; raises CorruptBlock."""
        if size <= self.layout.overhead:
            raise CorruptBlock(block, f"it has only {size} bytes")
        return size - self.layout.overhead

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
