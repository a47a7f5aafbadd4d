"""Content of files: plaintext ranges in, runs of sealed blocks out.

A request is one `pread` or one `pwrite` of a whole run of blocks. A write that does not
fill its first or last block reads those, and writes them anew with the rest. Where a write or
a truncation starts beyond the end, the old last block is first filled up with zeros, and
what lies between stays a hole: a full block of zeros in the ciphertext reads as zeros.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
import time
from collections.abc import Callable
from typing import Final, NoReturn

from vaultui.cipherfs.inodes import Inodes, Node
from vaultui.cipherfs.openfiles import FileHandle, OpenFile
from vaultui.cipherfs.report import Reporter, ReportKind
from vaultui.cipherfs.space import Space
from vaultui.crypto.content import ContentCipher, CorruptBlock, Run, new_file_id
from vaultui.format.blocks import (
    FILE_MAX,
    HEADER_BYTES,
    PLAIN_BLOCK,
    BadHeader,
    block_count,
    format_header,
    parse_header,
)
from vaultui.linux.errnos import os_error
from vaultui.model.ids import InodeNo

_SHIFT: Final = PLAIN_BLOCK.bit_length() - 1
_REST: Final = PLAIN_BLOCK - 1

Plain = bytes | bytearray | memoryview

_RUN_BLOCKS: Final = 257
"""A write of 1 MiB, the largest that FUSE sends, that does not start on a block."""


class FileIO:
    """Reads, writes and truncates open files of one volume.

    The methods may be called from any thread: each holds the lock of its file from the first
    look at it to the last. A compiled hot path takes no locks; where there is one, only its own
    thread may call them.
    """

    def __init__(
        self,
        content: ContentCipher,
        inodes: Inodes,
        space: Space,
        report: Reporter,
        *,
        coherence_s: float,
        in_place_device: int | None,
        on_change: Callable[[InodeNo], None],
    ) -> None:
        """`in_place_device` is the one where writing over bytes takes no new space, if one is.

        `on_change` is told of each file that is no longer set-uid or set-gid because its
        content changed: the kernel may believe the old mode."""
        self._content = content
        self._layout = content.layout
        self._cipher_block = content.layout.cipher_block
        self._inodes = inodes
        self._space = space
        self._report = report
        self._coherence_s = coherence_s
        self._in_place_device = in_place_device
        self._on_change = on_change
        self._room = _Room(content)

    def read(self, handle: FileHandle, offset: int, size: int) -> Plain:
        """Return up to `size` bytes of plaintext; fewer only at the end of the file.

        Raises OSError EIO, with a report, if any block of the range is damaged.
        """
        first = offset >> _SHIFT
        count = ((offset + size + _REST) >> _SHIFT) - first
        file = handle.file
        with file.lock:
            plain = self._open_run(file, handle.fd, first, count)
        skip = offset & _REST
        if not skip and len(plain) <= size:
            return plain
        return memoryview(plain)[skip : skip + size]

    def write(self, handle: FileHandle, offset: int, data: bytes) -> int:
        """Write all of `data` at `offset`, or at the end through a handle opened to append.

        The kernel sends what is appended with the end of the file as it knows it, which may
        be an old one. It also writes changed pages of a mapping back through any handle, one
        opened to append too: those start on a page, before that end, and stay where they are.
        Returns its length. Raises OSError: ENOSPC or EDQUOT with the file as it was, EIO with
        a report when a block that must be kept in part is damaged.
        """
        if not data:
            return 0
        file = handle.file
        fd = handle.fd
        with file.lock:
            # A seek to the end costs a third of an fstat, and this descriptor's own
            # position is of no use to anybody.
            cipher_size = os.lseek(fd, 0, os.SEEK_END)
            node = file.node
            end = offset + len(data)
            if handle.append and (offset & _REST or offset >= node.shown_size):
                offset = self._layout.plain_size(cipher_size)
            self._write(file, fd, offset, data, cipher_size)
            if end > node.shown_size:
                node.shown_size = end
            if node.set_id:
                self._look_at_mode(node, fd)
        return len(data)

    def truncate(self, file: OpenFile, fd: int, size: int) -> None:
        """Cut the plaintext to `size` bytes, or extend it with zeros.

        `fd` is open for reading and writing. `file` may be a state made for this call, where
        the file is not open otherwise. Raises as `write` does, and EFBIG.
        """
        if self._layout.cipher_size(size) > FILE_MAX:
            raise os_error(errno.EFBIG)
        with file.lock:
            cipher_size = os.lseek(fd, 0, os.SEEK_END)
            old = self._layout.plain_size(cipher_size)
            if size == 0:
                os.ftruncate(fd, 0)
                file.file_id = None
                file.allocated = 0
            elif size > old:
                self._grow(file, fd, old, size, cipher_size)
            elif size < old:
                self._shrink(file, fd, size)
            else:
                # Nothing to cut, but a set-uid bit to take away.
                os.ftruncate(fd, cipher_size)
            file.node.shown_size = size
            if file.node.set_id:
                self._look_at_mode(file.node, fd)
            file.last_write_ns = time.time_ns()

    # What follows is called with the file's lock held.

    def _look_at_mode(self, node: Node, fd: int) -> None:
        """Tell of set-uid and set-gid bits that a change of content took away."""
        if not os.fstat(fd).st_mode & (stat.S_ISUID | stat.S_ISGID):
            node.set_id = False
            self._on_change(node.ino)

    def _write(self, file: OpenFile, fd: int, offset: int, data: bytes, cipher_size: int) -> None:
        cipher_block = self._cipher_block
        old = self._layout.plain_size(cipher_size)
        if file.allocated > cipher_size:
            file.allocated = cipher_size
        # A header without content counts as an empty file: an ID that somebody else has
        # put there is not taken over.
        is_empty = cipher_size <= HEADER_BYTES
        if not is_empty:
            self._check_id(file, fd)
        first = offset >> _SHIFT
        end = offset + len(data)
        head = offset & _REST
        tail = end & _REST

        last = old >> _SHIFT
        begin = at = self._layout.cipher_offset(first)
        # What is written over, kept for the case of failure: a write that stops halfway ends
        # anywhere in a block, and half of one and half of another can never be opened.
        kept = b""
        padding: Plain | None = None
        if end > old:
            if first > last:
                begin = self._layout.cipher_offset(last)
            if begin < cipher_size:
                kept = os.pread(fd, cipher_size - begin, begin)
                if first > last:
                    padding = bytes(self._open_blocks(file, fd, last, kept))
                    padding = padding.ljust(PLAIN_BLOCK, b"\0")
        elif file.node.key[0] != self._in_place_device:
            kept = os.pread(fd, self._layout.cipher_offset(block_count(end)) - at, at)

        run: Plain = data
        if head or (tail and end < old):
            before: Plain = b""
            after: Plain = b""
            if head and first << _SHIFT < old:
                if kept:
                    before = self._open_blocks(file, fd, first, kept[:cipher_block])
                else:
                    before = self._open_run(file, fd, first, 1)
            if tail and end < old:
                final = end >> _SHIFT
                if head and final == first:
                    whole = before
                elif kept:
                    whole = self._open_blocks(
                        file, fd, final, kept[(final - first) * cipher_block :]
                    )
                else:
                    whole = self._open_run(file, fd, final, 1)
                after = memoryview(whole)[tail:]
            run = b"".join((bytes(memoryview(before)[:head]).ljust(head, b"\0"), data, after))

        stop = at + self._layout.run_size(len(run))
        if stop > file.allocated:
            self._reserve(file, fd, at, stop, cipher_size, None if padding is None else begin)
        if is_empty:
            file.file_id = new_file_id()
            file.checked = time.monotonic()
        file_id = file.file_id
        assert file_id is not None
        room = self._room.for_blocks(block_count(len(run)))
        if run is data and stop <= cipher_size and stop - at <= self._cipher_block:
            # A block lies across two pages of the page cache, which would be read one after
            # the other for the sake of what the write leaves of each. This asks the disk
            # for both at once, and costs next to nothing where they are in memory.
            os.preadv(fd, [room.cipher[: stop - at]], at)
        sealed: Plain = self._content.seal_run(room, first, file_id, run)
        try:
            if is_empty:
                header = format_header(file_id)
                if first == 0:
                    sealed = b"".join((header, sealed))
                    at = 0
                else:
                    _pwrite_all(fd, header, 0)
            elif padding is not None:
                _pwrite_all(fd, self._content.seal(last, file_id, padding), begin)
            _pwrite_all(fd, sealed, at)
        except OSError as error:
            if is_empty:
                file.file_id = None
            # A disk that fails may fail here as well; the first error is the one to tell of.
            with contextlib.suppress(OSError):
                if end > old:
                    os.ftruncate(fd, 0 if is_empty else cipher_size)
                _pwrite_all(fd, kept, begin)
            self._report_full(file, error)
            raise
        file.last_write_ns = time.time_ns()

    def _reserve(
        self, file: OpenFile, fd: int, at: int, stop: int, end: int, last_at: int | None
    ) -> None:
        try:
            if last_at is not None:
                self._space.before_write(file, fd, last_at, last_at + self._cipher_block, end)
            # The header goes with the first block.
            start = 0 if at == HEADER_BYTES else at
            self._space.before_write(file, fd, start, stop, end)
        except OSError as error:
            self._report_full(file, error)
            raise

    def _grow(self, file: OpenFile, fd: int, old: int, size: int, cipher_size: int) -> None:
        """Extend with zeros; only what shares a block with content or the end is written."""
        if size & _REST:
            # One zero byte at the end fills its block up from the left, and the old last one.
            self._write(file, fd, size - 1, b"\0", cipher_size)
            return
        block_end = (old + _REST) & ~_REST
        if old & _REST:
            # Fill the last block up; then the rest is a hole.
            self._write(file, fd, block_end - 1, b"\0", cipher_size)
        elif cipher_size <= HEADER_BYTES:
            file_id = new_file_id()
            _pwrite_all(fd, format_header(file_id), 0)
            file.file_id = file_id
            file.checked = time.monotonic()
        try:
            os.ftruncate(fd, self._layout.cipher_size(size))
        except OSError:
            if old & _REST:
                self._shrink(file, fd, old)
            raise

    def _shrink(self, file: OpenFile, fd: int, size: int) -> None:
        cipher_size = self._layout.cipher_size(size)
        keep = size & _REST
        if keep:
            last = size >> _SHIFT
            last_at = self._layout.cipher_offset(last)
            self._check_id(file, fd)
            kept = os.pread(fd, self._cipher_block, last_at)
            plain = memoryview(self._open_blocks(file, fd, last, kept))[:keep]
            self._reserve(file, fd, last_at, cipher_size, os.lseek(fd, 0, os.SEEK_END), None)
            assert file.file_id is not None
            # Over the old block first, and the cut afterwards: writing over allocated space
            # does not run out of it, where a cut and a new block might.
            try:
                _pwrite_all(fd, self._content.seal(last, file.file_id, plain), last_at)
                os.ftruncate(fd, cipher_size)
            except OSError:
                os.pwrite(fd, kept, last_at)
                raise
        else:
            os.ftruncate(fd, cipher_size)
        file.allocated = min(file.allocated, cipher_size)

    def _open_run(self, file: OpenFile, fd: int, first: int, count: int) -> Plain:
        """Return the plaintext of up to `count` blocks; fewer at the end of the file."""
        run = self._room.for_blocks(count)
        room = run.cipher[: count * self._cipher_block]
        if file.file_id is None and first == 0:
            # The header comes along with the first blocks.
            header = bytearray(HEADER_BYTES)
            size = os.preadv(fd, [header, room], 0) - HEADER_BYTES
            if size in (0, -HEADER_BYTES):
                return b""
            self._take_header(file, bytes(header[: HEADER_BYTES + min(size, 0)]))
        else:
            size = os.preadv(fd, [room], self._layout.cipher_offset(first))
            if not size:
                return b""
        file_id = file.file_id
        if file_id is None:
            file_id = self._load_id(file, fd)
        try:
            return self._content.open_run(run, first, file_id, size)
        except CorruptBlock:
            # Read and judged once more: see there.
            return self._open_blocks(file, fd, first, room[:size])

    def _open_blocks(
        self, file: OpenFile, fd: int, first: int, ciphertext: bytes | memoryview
    ) -> Plain:
        """Return the plaintext of `ciphertext`, blocks that were just read from `first` on."""
        file_id = file.file_id
        if file_id is None:
            file_id = self._load_id(file, fd)
        try:
            return self._content.open(first, file_id, ciphertext)
        except CorruptBlock as error:
            # A sync client that writes in place gives the file a new ID under our hands.
            if self._load_id(file, fd) == file_id:
                self._corrupt(file, str(error))
        ciphertext = os.pread(fd, len(ciphertext), self._layout.cipher_offset(first))
        return self._open_blocks(file, fd, first, ciphertext)

    def _check_id(self, file: OpenFile, fd: int) -> None:
        """Have the file's ID, at most `coherence_s` old.

        Blocks sealed for an ID that the header no longer has could never be opened again.
        """
        if file.file_id is None or time.monotonic() - file.checked > self._coherence_s:
            self._load_id(file, fd)

    def _load_id(self, file: OpenFile, fd: int) -> bytes:
        return self._take_header(file, os.pread(fd, HEADER_BYTES, 0))

    def _take_header(self, file: OpenFile, header: bytes) -> bytes:
        try:
            file_id = parse_header(header)
        except BadHeader as error:
            self._corrupt(file, f"the header is damaged: {error.reason}")
        file.file_id = file_id
        file.checked = time.monotonic()
        return file_id

    def _corrupt(self, file: OpenFile, detail: str) -> NoReturn:
        self._report(ReportKind.CORRUPT_CONTENT, self._inodes.path_of(file.node), detail)
        raise os_error(errno.EIO)

    def _report_full(self, file: OpenFile, error: OSError) -> None:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            self._report(
                ReportKind.STORAGE_FULL,
                self._inodes.path_of(file.node),
                f"nothing was written: {os.strerror(error.errno)}",
            )


class _Room(threading.local):
    """The calling thread's room for ciphertext."""

    def __init__(self, content: ContentCipher) -> None:
        self._content = content
        self._run = content.new_run(_RUN_BLOCKS)

    def for_blocks(self, count: int) -> Run:
        """Return room for `count` blocks, good until the thread asks again."""
        return self._run if count <= _RUN_BLOCKS else self._content.new_run(count)


def _pwrite_all(fd: int, data: Plain, at: int) -> None:
    """Write all of `data`; a short write is taken up again, which brings out its errno."""
    done = os.pwrite(fd, data, at)
    if done < len(data):
        with memoryview(data) as view:
            while done < len(view):
                done += os.pwrite(fd, view[done:], at + done)
