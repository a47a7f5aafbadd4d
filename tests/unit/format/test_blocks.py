"""Proves the block arithmetic at its edges, and that headers are refused with their reasons."""

from __future__ import annotations

import pytest

from vaultui.format.blocks import (
    GCM,
    HEADER_BYTES,
    OLD_GCM,
    SIV,
    XCHACHA,
    BadHeader,
    Layout,
    block_count,
    format_header,
    parse_header,
)

FILE_ID = bytes(range(16))


@pytest.mark.parametrize(
    ("plain", "cipher"),
    [
        (0, 0),
        (1, 18 + 33),
        (4095, 18 + 4127),
        (4096, 18 + 4128),
        (4097, 18 + 4128 + 33),
        (8192, 18 + 2 * 4128),
        (1 << 40, 18 + (1 << 28) * 4128),
    ],
)
def test_sizes_follow_from_each_other(plain: int, cipher: int) -> None:
    assert GCM.cipher_size(plain) == cipher
    assert GCM.plain_size(cipher) == plain
    assert not GCM.is_torn(cipher)


@pytest.mark.parametrize("cipher", [1, 17])
def test_less_than_a_header_is_torn_and_shows_a_byte_whose_reading_fails(cipher: int) -> None:
    assert GCM.plain_size(cipher) == 1
    assert GCM.is_torn(cipher)


def test_a_header_alone_is_an_empty_file_and_not_torn() -> None:
    assert GCM.plain_size(HEADER_BYTES) == 0
    assert not GCM.is_torn(HEADER_BYTES)


@pytest.mark.parametrize("last", [1, 16, 31, 32])
def test_a_last_block_without_room_for_a_byte_shows_one_and_is_torn(last: int) -> None:
    assert GCM.plain_size(18 + last) == 1
    assert GCM.plain_size(18 + 4128 + last) == 4097
    assert GCM.is_torn(18 + 4128 + last)
    assert not GCM.is_torn(18 + 4128 + 33)


def test_blocks_start_right_after_the_header() -> None:
    assert [GCM.cipher_offset(n) for n in (0, 1, 100)] == [18, 18 + 4128, 18 + 412800]


@pytest.mark.parametrize(
    ("layout", "block", "least"), [(OLD_GCM, 4124, 29), (SIV, 4128, 33), (XCHACHA, 4136, 41)]
)
def test_nonces_of_another_length_change_every_size(layout: Layout, block: int, least: int) -> None:
    assert layout.overhead == least - 1
    assert layout.cipher_block == block
    assert layout.cipher_offset(2) == 18 + 2 * block
    assert layout.cipher_size(4097) == 18 + block + least
    assert layout.plain_size(18 + block + least) == 4097
    assert layout.is_torn(18 + block + least - 1)


def test_a_last_block_counts_however_short_it_is() -> None:
    assert [block_count(size) for size in (0, 1, 4096, 4097)] == [0, 1, 1, 2]


def test_a_header_holds_version_and_file_id() -> None:
    header = format_header(FILE_ID)
    assert header == b"\0\2" + FILE_ID
    assert parse_header(header) == FILE_ID


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"", "0 of 18"),
        (bytes(17), "17 of 18"),
        (bytes(19), "19 of 18"),
        (bytes(18), "all zeros"),
        (b"\0\1" + FILE_ID, "version 1"),
        (b"\2\0" + FILE_ID, "version 512"),
        (b"\0\2" + bytes(16), "file ID is all zeros"),
    ],
)
def test_a_broken_header_is_refused_with_its_reason(header: bytes, reason: str) -> None:
    with pytest.raises(BadHeader, match=reason):
        parse_header(header)


@pytest.mark.parametrize("file_id", [bytes(16), b"short", b"longer than sixteen"])
def test_no_header_is_made_for_what_is_no_file_id(file_id: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        format_header(file_id)
