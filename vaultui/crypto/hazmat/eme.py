"""EME: a tweakable wide-block cipher over AES, for names.

Halevi and Rogaway, "A Parallelizable Enciphering Mode" (CT-RSA 2004), in the variant of the
IEEE P1619 draft that gocryptfs uses: doubling in GF(2^128) takes blocks as little-endian
numbers. Every bit of the answer depends on every bit of the input, and the answer is as long
as the input: 1 to 128 blocks of 16 bytes. There is no tag; whoever decrypts checks the padding.

All arithmetic is on whole Python integers, read as little-endian: block i of a message is
then bits 128·i to 128·i+127 of one number, and a mask over all blocks is one exclusive or.
"""

from __future__ import annotations

import threading
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

BLOCK: Final = 16
MAX_BLOCKS: Final = 128

_BITS: Final = 128
_MASK: Final = (1 << _BITS) - 1
_CARRY: Final = (1 << _BITS) | 0x87
"""Takes the bit that doubling pushed out and folds it back: x^128 = x^7 + x^2 + x + 1."""


class Eme:
    """EME under one AES key. Calls from several threads take turns."""

    def __init__(self, key: bytes | bytearray | memoryview) -> None:
        # ECB contexts carry no state from block to block, so one of each serves for ever.
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - the block cipher is what EME is made of
        self._encryptor = cipher.encryptor()
        self._decryptor = cipher.decryptor()
        # A context is not made for two threads at once; the uncontended lock costs a
        # hundredth of the call.
        self._lock = threading.Lock()
        self._masks = _masks(self._encryptor)

    def encrypt(self, tweak: bytes, plaintext: bytes) -> bytes:
        """Return the ciphertext of `plaintext`, whole blocks of 16 bytes, as long as it is."""
        with self._lock:
            return self._transform(self._encryptor, tweak, plaintext)

    def decrypt(self, tweak: bytes, ciphertext: bytes) -> bytes:
        """Return what `encrypt` took; anything of the right length decrypts to something."""
        with self._lock:
            return self._transform(self._decryptor, tweak, ciphertext)

    def _transform(self, aes: CipherContext, tweak: bytes, data: bytes) -> bytes:
        """Encrypt or decrypt, by the direction of `aes`; the mode is its own mirror image."""
        size = len(data)
        count, rest = divmod(size, BLOCK)
        if rest or not 1 <= count <= MAX_BLOCKS:
            raise ValueError(
                f"EME takes 1 to {MAX_BLOCKS} blocks of {BLOCK} bytes, not {size} bytes"
            )
        if len(tweak) != BLOCK:
            raise ValueError(f"the tweak is {BLOCK} bytes, not {len(tweak)}")
        mask = self._masks[count]
        masked = int.from_bytes(data, "little") ^ mask
        inner = int.from_bytes(aes.update(masked.to_bytes(size, "little")), "little")

        tweak_int = int.from_bytes(tweak, "little")
        total = tweak_int
        shift = 0
        while shift < size * 8:
            total ^= inner >> shift & _MASK
            shift += _BITS
        mixed = int.from_bytes(aes.update(total.to_bytes(BLOCK, "little")), "little")

        # Block i > 0 is masked with 2^i times `double`; block 0 makes the sum of the
        # blocks come out as `mixed` with the tweak.
        double = total ^ mixed
        first = mixed ^ tweak_int
        outer = 0
        shift = _BITS
        while shift < size * 8:
            double <<= 1
            if double > _MASK:
                double ^= _CARRY
            block = inner >> shift & _MASK ^ double
            first ^= block
            outer |= block << shift
            shift += _BITS
        outer |= first
        answer = int.from_bytes(aes.update(outer.to_bytes(size, "little")), "little") ^ mask
        return answer.to_bytes(size, "little")


def _masks(encryptor: CipherContext) -> list[int]:
    """Return, for each count of blocks, the mask L over that many blocks.

    L_1 = 2·E(0) and L_(i+1) = 2·L_i, for decryption too.
    """
    power = int.from_bytes(encryptor.update(bytes(BLOCK)), "little")
    masks = [0]
    for i in range(MAX_BLOCKS):
        power <<= 1
        if power > _MASK:
            power ^= _CARRY
        masks.append(masks[-1] | power << _BITS * i)
    return masks
