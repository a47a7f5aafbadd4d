"""What is damaged on disk is an error and a report that names it, and never wrong plaintext."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from openvolume import OpenVolume

from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.report import Report, ReportKind

HEADER = 18
CIPHER_BLOCK = 4128
LONG = "l" * 200


def eio() -> pytest.RaisesExc[OSError]:
    return pytest.RaisesExc(OSError, check=lambda error: error.errno == errno.EIO)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def report(vault: OpenVolume) -> Report:
    assert len(vault.reports) == 1, vault.reports
    return vault.reports[0]


@pytest.mark.parametrize("at", [0, 15, 16, 2000, 4111, 4112, 4127])
def test_a_flipped_bit_anywhere_in_a_block_fails_that_block_and_no_other(
    vault: OpenVolume, at: int
) -> None:
    content = os.urandom(3 * 4096)
    vault.mkdir("dir")
    vault.write("dir/file", content)
    flip(vault.cipher_path("dir/file"), HEADER + CIPHER_BLOCK + at)
    vault.reopen()
    with vault.open("dir/file", os.O_RDONLY) as handle:
        with eio():
            vault.fs.read(handle, 4096, 1)
        with eio():
            vault.fs.read(handle, 0, 3 * 4096)
        assert bytes(vault.fs.read(handle, 0, 4096)) == content[:4096]
        assert bytes(vault.fs.read(handle, 8192, 4096)) == content[8192:]
    assert report(vault).kind is ReportKind.CORRUPT_CONTENT
    assert report(vault).path == "dir/file"
    assert "block 1" in report(vault).detail


def test_a_bad_block_cannot_be_changed_in_part_but_be_overwritten_whole(
    vault: OpenVolume,
) -> None:
    vault.write("file", os.urandom(3 * 4096))
    flip(vault.cipher_path("file"), HEADER + CIPHER_BLOCK + 99)
    vault.reopen()
    before = vault.cipher_path("file").read_bytes()
    with vault.open("file") as handle:
        with eio():
            vault.fs.write(handle, 5000, b"part")
        assert vault.cipher_path("file").read_bytes() == before
        vault.fs.write(handle, 4096, b"w" * 4096)
        assert bytes(vault.fs.read(handle, 4096, 4096)) == b"w" * 4096


def test_a_truncation_into_a_bad_block_fails_and_changes_nothing(vault: OpenVolume) -> None:
    vault.write("file", os.urandom(10_000))
    flip(vault.cipher_path("file"), HEADER + CIPHER_BLOCK + 99)
    vault.reopen()
    before = vault.cipher_path("file").read_bytes()
    with eio():
        vault.truncate("file", 5000)
    assert vault.cipher_path("file").read_bytes() == before


@pytest.mark.parametrize(
    "header",
    [bytes(18), b"\0\3" + b"x" * 16, b"\0\2" + bytes(16)],
    ids=["zeros", "version", "zero-id"],
)
def test_a_bad_header_fails_the_file(vault: OpenVolume, header: bytes) -> None:
    vault.write("file", b"content")
    path = vault.cipher_path("file")
    path.write_bytes(header + path.read_bytes()[18:])
    vault.reopen()
    with eio():
        vault.read("file")
    with eio():
        vault.write("file", b"more", 7)
    assert report(vault).kind is ReportKind.CORRUPT_CONTENT
    assert "header" in report(vault).detail


@pytest.mark.parametrize("left", [1, 17])
def test_a_file_that_was_cut_within_its_header_is_an_error_and_not_empty(
    vault: OpenVolume, left: int
) -> None:
    vault.write("file", b"content")
    os.truncate(vault.cipher_path("file"), left)
    vault.reopen()
    assert vault.attributes("file").size == 1
    with eio():
        vault.read("file")
    with eio():
        vault.write("file", b"more", 1, flags=os.O_APPEND)
    assert report(vault).detail == f"the header is damaged: it has {left} of 18 bytes"
    vault.write("file", b"new", flags=os.O_TRUNC)
    assert vault.read("file") == b"new"


@pytest.mark.parametrize("extra", [1, 31, 32])
def test_a_last_block_without_content_is_an_error_and_not_an_end(
    vault: OpenVolume, extra: int
) -> None:
    vault.write("file", b"c" * 4096)
    with vault.cipher_path("file").open("ab") as file:
        file.write(b"x" * extra)
    vault.reopen()
    assert vault.attributes("file").size == 4097
    with eio():
        vault.read("file")


def test_a_short_block_of_zeros_is_no_hole(vault: OpenVolume) -> None:
    vault.write("file", b"c" * 4096)
    os.truncate(vault.cipher_path("file"), HEADER + CIPHER_BLOCK + 100)
    vault.reopen()
    with eio():
        vault.read("file")


def test_blocks_of_two_files_cannot_be_exchanged(vault: OpenVolume) -> None:
    for name in ("one", "two"):
        vault.write(name, os.urandom(8192))
    one, two = (vault.cipher_path(name) for name in ("one", "two"))
    stolen = two.read_bytes()[HEADER + CIPHER_BLOCK :]
    one.write_bytes(one.read_bytes()[: HEADER + CIPHER_BLOCK] + stolen)
    vault.reopen()
    with eio():
        vault.read("one")


def test_the_same_trouble_is_reported_once_and_not_at_each_try(vault: OpenVolume) -> None:
    vault.write("file", b"content")
    flip(vault.cipher_path("file"), HEADER + 20)
    vault.reopen()
    for _ in range(50):
        with eio():
            vault.read("file")
    assert len(vault.reports) == 1


def test_an_entry_whose_name_cannot_be_decrypted_is_left_out_and_reported(
    vault: OpenVolume,
) -> None:
    vault.mkdir("dir")
    vault.write("dir/good", b"x")
    vault.cipher_path("dir").joinpath("not-a-name").write_bytes(b"")
    assert vault.list("dir") == ["good"]
    assert report(vault).kind is ReportKind.CORRUPT_NAME
    assert report(vault).path == "dir/not-a-name"


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign"])
def test_a_long_name_without_its_companion_is_left_out_and_reported(
    vault: OpenVolume, damage: str
) -> None:
    vault.write(LONG, b"x")
    vault.write("m" * 200, b"y")
    hashed = vault.cipher_path(LONG)
    beside = hashed.with_name(hashed.name + ".name")
    other = vault.cipher_path("m" * 200)
    beside.unlink()
    if damage != "missing":
        # A companion with the name of another file would make this one appear under it.
        text = other.with_name(other.name + ".name").read_bytes() if damage == "foreign" else b""
        beside.write_bytes(text)
    vault.reopen()
    assert vault.list() == ["m" * 200]
    assert report(vault).kind is ReportKind.CORRUPT_NAME
    assert vault.read("m" * 200) == b"y"


bad_ivs: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "short": lambda path: path.write_bytes(b"short"),
    "zeros": lambda path: path.write_bytes(bytes(16)),
    "long": lambda path: path.write_bytes(b"x" * 17),
    "symlink": lambda path: path.symlink_to("../gocryptfs.diriv"),
    "directory": lambda path: path.mkdir(),
    "fifo": lambda path: os.mkfifo(path),
}


@pytest.mark.parametrize("put", bad_ivs.values(), ids=bad_ivs.keys())
def test_a_directory_with_a_bad_iv_fails_and_the_rest_works(
    vault: OpenVolume, put: Callable[[Path], object]
) -> None:
    vault.mkdir("dir")
    vault.write("dir/file", b"x")
    vault.write("beside", b"y")
    path = vault.cipher_path("dir").joinpath("gocryptfs.diriv")
    path.unlink()
    put(path)
    vault.reopen()
    ino = vault.ino("dir")
    with eio():
        vault.fs.opendir(ino)
    with eio():
        vault.fs.lookup(ino, b"file")
    with eio():
        vault.fs.mkdir(ino, b"new", 0o755)
    assert report(vault).kind is ReportKind.CORRUPT_METADATA
    assert report(vault).path == "dir"
    assert vault.list() == ["beside", "dir"]
    assert vault.read("beside") == b"y"


def test_a_directory_whose_iv_is_gone_but_not_its_content_is_not_removed(
    vault: OpenVolume,
) -> None:
    vault.mkdir("dir")
    vault.write("dir/file", b"x")
    cipher = vault.cipher_path("dir")
    cipher.joinpath("gocryptfs.diriv").unlink()
    vault.reopen()
    with pytest.RaisesExc(OSError, check=lambda error: error.errno == errno.ENOTEMPTY):
        vault.rmdir("dir")
    assert len(list(cipher.iterdir())) == 1


def test_a_symlink_with_a_bad_target_is_an_error(vault: OpenVolume) -> None:
    vault.symlink(b"target", "link")
    path = vault.cipher_path("link")
    path.unlink()
    path.symlink_to("not base64 at all!")
    vault.reopen()
    with eio():
        vault.fs.readlink(vault.ino("link"))
    assert report(vault).kind is ReportKind.CORRUPT_METADATA


@pytest.mark.needs("user-xattrs")
def test_an_attribute_with_a_bad_value_is_an_error(vault: OpenVolume) -> None:
    vault.write("file", b"")
    ino = vault.ino("file")
    vault.fs.setxattr(ino, b"user.good", b"value")
    vault.fs.setxattr(ino, b"user.bad", b"value")
    path = vault.cipher_path("file")
    stored = {os.getxattr(path, name): name for name in os.listxattr(path)}
    value, name = next(iter(stored.items()))
    os.setxattr(path, name, value[:-1] + bytes((value[-1] ^ 1,)))
    results = []
    for attribute in (b"user.good", b"user.bad"):
        try:
            results.append(vault.fs.getxattr(ino, attribute))
        except OSError as error:
            results.append(error.errno)
    assert sorted(results, key=str) == [5, b"value"]
    assert report(vault).kind is ReportKind.CORRUPT_METADATA


def test_nothing_of_a_damaged_read_leaves_by_way_of_the_error(vault: OpenVolume) -> None:
    secret = b"a very secret sentence"
    vault.write("file", secret)
    flip(vault.cipher_path("file"), HEADER + 40)
    vault.reopen()
    handle = vault.fs.open(vault.fs.lookup(ROOT, b"file").ino, os.O_RDONLY).handle
    with eio() as caught:
        vault.fs.read(handle, 0, 100)
    error = caught.value
    assert secret[:5] not in repr((error, error.args, error.__context__)).encode()
