"""Content that was written is read again, also from disk, at every kind of offset and size."""

from __future__ import annotations

import errno
import os

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs.attributes import AttributeChange
from vaultui.format.blocks import PLAIN_BLOCK

BLOCK = 4096
HEADER = 18
CIPHER_BLOCK = 4128


def pattern(size: int) -> bytes:
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


@pytest.mark.parametrize("size", [0, 1, 15, 4095, 4096, 4097, 8192, 100_000, 300_001])
def test_a_file_of_any_size_reads_back_after_everything_was_forgotten(
    vault: OpenVolume, size: int
) -> None:
    vault.write("file", pattern(size))
    assert vault.read("file") == pattern(size)
    vault.reopen()
    assert vault.read("file") == pattern(size)
    assert vault.attributes("file").size == size


@pytest.mark.parametrize("at", [0, 1, 4095, 4096, 5000, 8191, 8192])
@pytest.mark.parametrize("size", [1, 100, 4096, 4097, 9000])
def test_a_write_inside_a_file_changes_its_range_and_nothing_else(
    vault: OpenVolume, at: int, size: int
) -> None:
    before = pattern(20_000)
    vault.write("file", before)
    vault.write("file", b"x" * size, at)
    vault.reopen()
    assert vault.read("file") == before[:at] + b"x" * size + before[at + size :]


@pytest.mark.parametrize("old", [0, 1, 100, 4095, 4096, 4097, 8192])
@pytest.mark.parametrize("at", [4096, 4100, 8191, 8192, 20_000, 40_960])
def test_a_write_behind_the_end_leaves_zeros_between(vault: OpenVolume, old: int, at: int) -> None:
    vault.write("file", pattern(old))
    vault.write("file", b"end", at)
    vault.reopen()
    expected = bytearray(pattern(old).ljust(at + 3, b"\0"))
    expected[at : at + 3] = b"end"
    assert vault.read("file") == bytes(expected)


def test_blocks_between_content_are_holes_and_not_encrypted_zeros(vault: OpenVolume) -> None:
    vault.write("file", b"a")
    vault.write("file", b"b", 20_000)
    stored = vault.cipher_path("file").read_bytes()
    blocks = [stored[at : at + CIPHER_BLOCK] for at in range(HEADER, len(stored), CIPHER_BLOCK)]
    assert [any(block) for block in blocks] == [True, False, False, False, True]
    assert len(blocks[0]) == CIPHER_BLOCK


def test_a_file_has_no_header_before_its_first_byte(vault: OpenVolume) -> None:
    with vault.open("file", os.O_RDWR | os.O_CREAT) as handle:
        vault.fs.write(handle, 0, b"")
        assert vault.cipher_path("file").stat().st_size == 0
        vault.fs.write(handle, 0, b"x")
        assert vault.cipher_path("file").stat().st_size == HEADER + 33


def header_of(vault: OpenVolume, path: str) -> bytes:
    return vault.cipher_path(path).read_bytes()[:HEADER]


def test_a_file_cut_to_nothing_gets_a_new_id_for_all_its_handles(vault: OpenVolume) -> None:
    with (
        vault.open("file", os.O_RDWR | os.O_CREAT) as first,
        vault.open("file") as second,
    ):
        vault.fs.write(first, 0, b"old")
        old = header_of(vault, "file")
        vault.fs.setattr(vault.ino("file"), AttributeChange(size=0), first)
        assert vault.cipher_path("file").stat().st_size == 0
        vault.fs.write(second, 0, b"new")
        assert header_of(vault, "file") != old
        assert vault.read_handle(first) == b"new"


def test_a_header_without_content_counts_as_empty_and_is_not_taken_over(
    vault: OpenVolume,
) -> None:
    vault.write("file", b"x")
    planted = header_of(vault, "file")
    os.truncate(vault.cipher_path("file"), HEADER)
    vault.reopen()
    assert vault.attributes("file").size == 0
    assert vault.read("file") == b""
    vault.write("file", b"y")
    assert header_of(vault, "file") != planted
    vault.reopen()
    assert vault.read("file") == b"y"


def test_what_is_appended_goes_to_the_end_whatever_the_offset_says(vault: OpenVolume) -> None:
    vault.write("log", b"first\n")
    with vault.open("log", os.O_WRONLY | os.O_APPEND) as handle:
        vault.write("log", b"second\n", 6)
        # The kernel's idea of the size may be a second old.
        vault.fs.write(handle, 6, b"third\n")
        vault.fs.write(handle, 12, b"fourth\n")
    assert vault.read("log") == b"first\nsecond\nthird\nfourth\n"


def test_a_mapped_page_that_comes_through_an_append_handle_is_not_appended(
    vault: OpenVolume,
) -> None:
    vault.write("file", pattern(PLAIN_BLOCK + 5))
    with vault.open("file", os.O_RDWR | os.O_APPEND) as handle:
        # As the kernel writes a changed page back: through any handle that may write.
        vault.fs.write(handle, 0, bytes(PLAIN_BLOCK))
        vault.fs.write(handle, PLAIN_BLOCK, b"12345")
        vault.fs.write(handle, PLAIN_BLOCK + 5, b"end")
    assert vault.read("file") == bytes(PLAIN_BLOCK) + b"12345end"


def test_handles_of_one_file_see_each_others_writes_at_once(vault: OpenVolume) -> None:
    with (
        vault.open("file", os.O_RDWR | os.O_CREAT) as one,
        vault.open("file", os.O_WRONLY) as two,
        vault.open("file", os.O_RDONLY) as three,
    ):
        vault.fs.write(one, 0, pattern(5000))
        vault.fs.write(two, 4990, b"twenty bytes of text")
        assert bytes(vault.fs.read(three, 4980, 100)) == pattern(5000)[4980:4990] + (
            b"twenty bytes of text"
        )


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_WRONLY | os.O_APPEND, os.O_RDWR])
def test_writing_part_of_a_block_works_however_the_file_was_opened(
    vault: OpenVolume, flags: int
) -> None:
    vault.write("file", pattern(100))
    with vault.open("file", flags) as handle:
        vault.fs.write(handle, 100, b"more")
    assert vault.read("file") == pattern(100) + b"more"


def test_opening_with_truncation_empties_the_file(vault: OpenVolume) -> None:
    vault.write("file", pattern(9000))
    with vault.open("file", os.O_WRONLY | os.O_TRUNC) as handle:
        assert vault.attributes("file").size == 0
        vault.fs.write(handle, 0, b"short")
    vault.reopen()
    assert vault.read("file") == b"short"


def test_a_read_at_or_behind_the_end_is_empty(vault: OpenVolume) -> None:
    vault.write("file", pattern(4096))
    with vault.open("file", os.O_RDONLY) as handle:
        assert bytes(vault.fs.read(handle, 4096, 4096)) == b""
        assert bytes(vault.fs.read(handle, 1 << 40, 4096)) == b""
        assert bytes(vault.fs.read(handle, 4000, 4096)) == pattern(4096)[4000:]


@pytest.mark.parametrize("old", [0, 1, 4095, 4096, 4097, 10_000, 12_288])
@pytest.mark.parametrize("new", [0, 1, 4095, 4096, 4097, 8192, 9999, 50_000, 53_248])
def test_truncation_cuts_or_fills_with_zeros(vault: OpenVolume, old: int, new: int) -> None:
    vault.write("file", pattern(old))
    assert vault.truncate("file", new).size == new
    vault.reopen()
    assert vault.read("file") == pattern(old)[:new].ljust(new, b"\0")
    vault.write("file", b"!", max(new - 1, 0))
    vault.reopen()
    assert vault.read("file")[-1:] == b"!"


def test_a_file_grown_by_truncation_takes_no_space(vault: OpenVolume) -> None:
    vault.write("file", b"x")
    vault.truncate("file", 64 << 20)
    assert vault.attributes("file").blocks * 512 < 1 << 20
    with vault.open("file", os.O_RDONLY) as handle:
        assert bytes(vault.fs.read(handle, (64 << 20) - 100, 200)) == bytes(100)


@pytest.mark.parametrize("size", [2**63 - 1, 2**63 - 4096, 2**63 - 2**54])
def test_growing_a_file_beyond_what_can_be_stored_leaves_it_as_it_was(
    vault: OpenVolume, size: int
) -> None:
    vault.write("file", b"abc")
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        vault.truncate("file", size)
    vault.reopen()
    assert vault.read("file") == b"abc"


def test_truncation_through_a_descriptor_and_by_path_meet_in_one_state(
    vault: OpenVolume,
) -> None:
    with vault.open("file", os.O_RDWR | os.O_CREAT) as handle:
        vault.fs.write(handle, 0, pattern(10_000))
        vault.truncate("file", 5000)
        vault.fs.write(handle, 6000, b"x")
        assert vault.read_handle(handle) == pattern(5000).ljust(6000, b"\0") + b"x"


def test_a_file_that_is_only_open_for_reading_can_be_truncated_by_path(
    vault: OpenVolume,
) -> None:
    vault.write("file", pattern(10_000))
    with vault.open("file", os.O_RDONLY) as handle:
        assert bytes(vault.fs.read(handle, 0, 1))
        vault.truncate("file", 0)
        vault.write("file", b"again")
        assert vault.read_handle(handle) == b"again"


def test_content_survives_a_cut_that_fails_behind_it(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.write("file", pattern(10_000))
    ino = vault.ino("file")

    def refuse(_fd: int, _size: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "ftruncate", refuse)
        with pytest.raises(OSError, match="Input/output error"):
            vault.fs.setattr(ino, AttributeChange(size=5000))
    vault.reopen()
    assert vault.read("file") == pattern(10_000)
