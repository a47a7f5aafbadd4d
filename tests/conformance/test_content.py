"""Bytes that are written are the bytes that are read, at every offset, also after a remount."""

from __future__ import annotations

import mmap
import os
import random

from patterns import BLOCK, content, opened
from places import Place

SIZES = (0, 1, 15, 16, 4095, 4096, 4097, 8191, 8192, 8193, 65536, 131071, 131073, 1048577)


def test_files_of_sizes_around_block_boundaries_are_read_back(place: Place) -> None:
    for size in SIZES:
        (place / f"f{size}").write_bytes(content(size, size))
    place.reread()
    for size in SIZES:
        assert (place / f"f{size}").stat().st_size == size
        assert (place / f"f{size}").read_bytes() == content(size, size)


def test_a_write_in_the_middle_changes_only_its_range(place: Place) -> None:
    path, expected = place / "file", bytearray(content(3 * BLOCK + 100))
    path.write_bytes(expected)
    for number, (offset, size) in enumerate(
        [(0, 1), (1, 5), (BLOCK - 1, 2), (BLOCK, BLOCK), (BLOCK + 1, BLOCK - 2), (5000, 6000)]
    ):
        piece = content(size, number + 1)
        with opened(path, os.O_WRONLY) as file:
            assert os.pwrite(file, piece, offset) == size
        expected[offset : offset + size] = piece
    assert path.read_bytes() == expected
    place.reread()
    assert path.read_bytes() == expected


def test_a_write_past_the_end_leaves_zeros_between(place: Place) -> None:
    path = place / "file"
    with opened(path, os.O_RDWR | os.O_CREAT) as file:
        os.pwrite(file, b"a", 0)
        os.pwrite(file, b"z", 20000)
        assert os.pread(file, 30000, 0) == b"a" + bytes(19999) + b"z"
    place.reread()
    assert path.read_bytes() == b"a" + bytes(19999) + b"z"


def test_a_first_write_behind_a_hole_reads_as_zeros_before_it(place: Place) -> None:
    offsets = (1, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK, 10 * BLOCK + 7)
    for offset in offsets:
        with opened(place / str(offset), os.O_WRONLY | os.O_CREAT) as file:
            os.pwrite(file, b"end", offset)
    place.reread()
    for offset in offsets:
        assert (place / str(offset)).read_bytes() == bytes(offset) + b"end"


def test_a_large_hole_takes_little_room(place: Place) -> None:
    path = place / "sparse"
    with opened(path, os.O_WRONLY | os.O_CREAT) as file:
        os.pwrite(file, b"begin", 0)
        os.pwrite(file, b"end", 1 << 30)
    place.reread()
    found = path.stat()
    assert found.st_size == (1 << 30) + 3
    assert found.st_blocks * 512 < 1 << 20
    with opened(path, os.O_RDONLY) as file:
        assert os.pread(file, 5, 0) == b"begin"
        assert os.pread(file, 8192, 1 << 29) == bytes(8192)
        assert os.pread(file, 10, 1 << 30) == b"end"


def test_filling_a_hole_keeps_its_neighbours(place: Place) -> None:
    path = place / "sparse"
    with opened(path, os.O_RDWR | os.O_CREAT) as file:
        os.pwrite(file, b"A" * 10, 0)
        os.pwrite(file, b"Z" * 10, 8 * BLOCK)
        os.pwrite(file, b"M" * 10, 4 * BLOCK + 5)
    place.reread()
    expected = bytearray(8 * BLOCK + 10)
    expected[0:10], expected[8 * BLOCK :] = b"A" * 10, b"Z" * 10
    expected[4 * BLOCK + 5 : 4 * BLOCK + 15] = b"M" * 10
    assert path.read_bytes() == expected


def test_reads_across_the_end_are_short_and_behind_it_empty(place: Place) -> None:
    path = place / "file"
    path.write_bytes(content(5000))
    with opened(path, os.O_RDONLY) as file:
        assert os.pread(file, 1000, 4500) == content(5000)[4500:]
        assert os.pread(file, 1000, 5000) == b""
        assert os.pread(file, 1000, 1 << 40) == b""


def test_two_descriptors_see_each_others_writes(place: Place) -> None:
    path = place / "file"
    with opened(path, os.O_RDWR | os.O_CREAT) as one, opened(path, os.O_RDWR) as two:
        os.pwrite(one, b"1" * 6000, 0)
        assert os.pread(two, 6000, 0) == b"1" * 6000
        os.pwrite(two, b"2" * 100, 4050)
        assert os.pread(one, 6000, 0) == b"1" * 4050 + b"2" * 100 + b"1" * 1850
        os.ftruncate(one, 10)
        assert os.fstat(two).st_size == 10
        os.pwrite(two, b"3", 20)
        assert os.pread(one, 100, 0) == b"1" * 10 + bytes(10) + b"3"


def test_a_history_of_random_operations_ends_as_a_bytearray_would(place: Place) -> None:
    path, model, dice = place / "file", bytearray(), random.Random(20)
    with opened(path, os.O_RDWR | os.O_CREAT) as file:
        for step in range(300):
            if dice.random() < 0.75:
                offset, size = dice.randrange(5 * BLOCK), dice.randrange(1, 2 * BLOCK)
                piece = content(size, step)
                assert os.pwrite(file, piece, offset) == size
                model.extend(bytes(max(0, offset + size - len(model))))
                model[offset : offset + size] = piece
            else:
                size = dice.randrange(6 * BLOCK)
                os.ftruncate(file, size)
                del model[size:]
                model.extend(bytes(size - len(model)))
            assert os.fstat(file).st_size == len(model)
            offset = dice.randrange(5 * BLOCK)
            assert os.pread(file, 3000, offset) == model[offset : offset + 3000], f"step {step}"
    place.reread()
    assert path.read_bytes() == model


def test_a_shared_map_writes_the_file(place: Place) -> None:
    path, expected = place / "mapped", bytearray(content(3 * BLOCK + 10))
    path.write_bytes(expected)
    with opened(path, os.O_RDWR) as file, mmap.mmap(file, 0) as mapped:
        assert mapped[:] == expected
        mapped[BLOCK - 3 : BLOCK + 3] = b"mapped"
        mapped[-1:] = b"!"
        mapped.flush()
    expected[BLOCK - 3 : BLOCK + 3], expected[-1:] = b"mapped", b"!"
    assert path.read_bytes() == expected
    place.reread()
    assert path.read_bytes() == expected


def test_a_shared_map_of_a_file_opened_to_append_writes_in_place(place: Place) -> None:
    path, expected = place / "mapped", bytearray(content(2 * BLOCK + 10))
    path.write_bytes(expected)
    with opened(path, os.O_RDWR | os.O_APPEND) as file, mmap.mmap(file, 0) as mapped:
        mapped[0:6] = b"mapped"
        mapped[-1:] = b"!"
        mapped.flush()
        os.write(file, b"appended")
    expected[:6], expected[-1:] = b"mapped", b"!"
    place.reread()
    assert path.read_bytes() == expected + b"appended"


def test_a_map_that_is_never_flushed_is_in_the_file_after_closing(place: Place) -> None:
    path = place / "mapped"
    path.write_bytes(bytes(2 * BLOCK))
    with opened(path, os.O_RDWR) as file:
        mapped = mmap.mmap(file, 0)
    mapped[10:14] = b"late"  # the descriptor is closed, the mapping holds the file
    mapped.close()
    place.reread()
    assert path.read_bytes()[10:14] == b"late"


def test_a_private_map_leaves_the_file_alone(place: Place) -> None:
    path = place / "mapped"
    path.write_bytes(b"kept" * 100)
    with opened(path, os.O_RDONLY) as file, mmap.mmap(file, 0, access=mmap.ACCESS_COPY) as mapped:
        mapped[0:4] = b"gone"
        assert mapped[0:4] == b"gone"
    place.reread()
    assert path.read_bytes() == b"kept" * 100


def test_a_map_sees_what_is_written_beside_it(place: Place) -> None:
    path = place / "mapped"
    path.write_bytes(b"-" * 2 * BLOCK)
    with opened(path, os.O_RDWR) as file, mmap.mmap(file, 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[0:1] == b"-"
        os.pwrite(file, b"new", BLOCK - 1)
        assert mapped[BLOCK - 1 : BLOCK + 2] == b"new"


def test_vectored_and_copied_content_is_the_same(place: Place) -> None:
    source, copy = place / "source", place / "copy"
    with opened(source, os.O_WRONLY | os.O_CREAT) as file:
        os.pwritev(file, [content(5000, 1), content(3000, 2), b""], 100)
    with opened(source, os.O_RDONLY) as one, opened(copy, os.O_WRONLY | os.O_CREAT) as two:
        remaining = os.fstat(one).st_size
        while remaining:
            remaining -= os.sendfile(two, one, None, remaining)
    place.reread()
    assert copy.read_bytes() == bytes(100) + content(5000, 1) + content(3000, 2)


def test_fsync_and_fdatasync_succeed_on_every_kind_of_descriptor(place: Place) -> None:
    path = place / "file"
    with opened(path, os.O_WRONLY | os.O_CREAT) as file:
        os.fsync(file)
        os.write(file, content(10000))
        os.fdatasync(file)
        os.fsync(file)
    with opened(path, os.O_RDONLY) as file:
        os.fsync(file)
    with opened(place.root, os.O_RDONLY | os.O_DIRECTORY) as folder:
        os.fsync(folder)
    assert path.read_bytes() == content(10000)


def test_o_sync_writes_are_read_back(place: Place) -> None:
    with opened(place / "file", os.O_WRONLY | os.O_CREAT | os.O_SYNC) as file:
        os.write(file, content(9999))
    place.reread()
    assert (place / "file").read_bytes() == content(9999)
