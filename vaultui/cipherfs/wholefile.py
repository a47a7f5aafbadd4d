"""Reading a ciphertext file to its end, for the sake of its damage and not of its content."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Final

from vaultui.crypto.content import ContentCipher, CorruptBlock
from vaultui.format.blocks import HEADER_BYTES, BadHeader, parse_header

_RUN_BLOCKS: Final = 64
"""Blocks that are read at once: 256 KiB, behind which the per-call cost disappears."""


class WholeFile:
    """Looks for damage in one file after another. For one thread."""

    def __init__(self, content: ContentCipher, on_read: Callable[[int], None]) -> None:
        """`on_read` is called with the bytes of ciphertext of each piece that was read."""
        self._content = content
        self._run = content.new_run(_RUN_BLOCKS)
        self._on_read = on_read

    def damage(self, fd: int) -> str:
        """Return what is wrong with the file: its header or the first bad block; "" for nothing.

        A header without content is nothing wrong: gocryptfs counts such a file as empty.
        """
        size = os.fstat(fd).st_size
        if not size:
            return ""
        try:
            file_id = parse_header(os.pread(fd, HEADER_BYTES, 0))
        except BadHeader as error:
            return f"the header: {error.reason}"
        self._on_read(HEADER_BYTES)
        first_bad: CorruptBlock | None = None
        count = 0
        for block, length in self._runs(fd, size):
            self._on_read(length)
            try:
                self._content.open_run(self._run, block, file_id, length)
            except CorruptBlock as error:
                first_bad = first_bad or error
                count += self._count_bad(block, file_id, length)
        if first_bad is None:
            return ""
        return f"{first_bad}; {count} bad blocks in all" if count > 1 else str(first_bad)

    def _runs(self, fd: int, size: int) -> Iterator[tuple[int, int]]:
        """Read runs of blocks that hold data; yield the first number and the bytes of each."""
        layout = self._content.layout
        at = HEADER_BYTES
        while at < size:
            block = (self._next_data(fd, at, size) - HEADER_BYTES) // layout.cipher_block
            at = layout.cipher_offset(block)
            length = os.preadv(fd, [self._run.cipher], at) if at < size else 0
            if not length:
                return
            yield block, length
            if length % layout.cipher_block:  # only the last block is short
                return
            at += length

    def _next_data(self, fd: int, at: int, size: int) -> int:
        """Return where data goes on from `at`; it need not be where a block starts.

        Where nothing but a hole follows it is the last block if that one is short, because
        zeros are a hole only as a whole block.
        """
        try:
            return os.lseek(fd, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # a file system that does not tell
                return at
        return max(at, size - (size - HEADER_BYTES) % self._content.layout.cipher_block)

    def _count_bad(self, first: int, file_id: bytes, length: int) -> int:
        step = self._content.layout.cipher_block
        count = 0
        for index, at in enumerate(range(0, length, step)):
            try:
                self._content.open(
                    first + index, file_id, self._run.cipher[at : min(at + step, length)]
                )
            except CorruptBlock:
                count += 1
        return count
