"""Ciphertext of plain files, made for the range that is asked for."""

from __future__ import annotations

import os
from typing import Final

from vaultui.cipherfs.reverse.ivs import FileIvs
from vaultui.crypto.content import ContentCipher
from vaultui.format.blocks import HEADER_BYTES, PLAIN_BLOCK, block_count, format_header

_NOTHING: Final = b""


class SealedView:
    """Shows plain files as ciphertext. Keeps nothing, so usable from several threads."""

    def __init__(self, content: ContentCipher) -> None:
        self._content = content
        self._layout = content.layout
        self.size = content.layout.cipher_size

    def read(self, fd: int, ivs: FileIvs, offset: int, size: int) -> bytes | memoryview:
        """Return up to `size` bytes of ciphertext of the plain file `fd`; fewer only at its end.

        What is plain now is what is sealed: of a file that others write to, two reads may
        belong to two states of it, as any copy of such a file does.
        """
        cipher_block = self._layout.cipher_block
        first = max(offset - HEADER_BYTES, 0) // cipher_block
        # Where only the header is asked for a block is read all the same: an empty
        # file has no header.
        end = max(offset + size - HEADER_BYTES, 1)
        plain = _read_run(fd, first * PLAIN_BLOCK, (-(-end // cipher_block) - first) * PLAIN_BLOCK)
        if not plain:
            return _NOTHING
        nonces = ivs.nonces(first, block_count(len(plain)))
        sealed: bytes | bytearray = self._content.seal(first, ivs.file_id, plain, nonces)
        skip = offset - self._layout.cipher_offset(first)
        if skip < 0:
            sealed = format_header(ivs.file_id) + sealed
            skip = offset
        return memoryview(sealed)[skip : skip + size]


def _read_run(fd: int, offset: int, size: int) -> bytes:
    """Return `size` bytes, fewer only where the file ends.

    A read that came out short in the middle of a file, as on some network file systems, would
    make a short block that nothing opens.
    """
    plain = os.pread(fd, size, offset)
    while plain and len(plain) < size:
        more = os.pread(fd, size - len(plain), offset + len(plain))
        if not more:
            break
        plain += more
    return plain
