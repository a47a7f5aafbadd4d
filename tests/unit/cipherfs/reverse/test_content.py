"""Ciphertext for any range, and of files that change while somebody reads them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openreverse import EME, OpenReverse, volume_of_zeros

from vaultui.cipherfs.reverse import content, ivs
from vaultui.cipherfs.reverse.content import SealedView
from vaultui.cipherfs.volume import volume_from_master_key
from vaultui.format.blocks import FILE_MAX, HEADER_BYTES, parse_header
from vaultui.model.secret import Secret

_IVS = ivs.file_ivs(b"some/path")
_VOLUME = volume_of_zeros()
_VIEW = SealedView(_VOLUME.content)
_PLAIN = os.urandom(4096 * 5 + 100)

_EDGES = [0, 1, 17, 18, 19, 18 + 4128, 18 + 4128 * 2 - 1, 18 + 4128 * 5, 18 + 4128 * 5 + 132]


@pytest.fixture(scope="module")
def plain_fd() -> Iterator[int]:
    """Return a descriptor of a file of some blocks, the last one short."""
    with tempfile.TemporaryFile() as file:
        file.write(_PLAIN)
        file.flush()
        yield file.fileno()


@pytest.fixture(scope="module")
def whole(plain_fd: int) -> bytes:
    """Return its whole ciphertext."""
    return bytes(_VIEW.read(plain_fd, _IVS, 0, 1 << 20))


@pytest.mark.parametrize("flags", [("GCMIV128",), ("XChaCha20Poly1305",)], ids=["gcm", "xchacha"])
def test_no_other_cipher_than_aes_siv_is_taken(tmp_path: Path, flags: tuple[str, ...]) -> None:
    with Secret(bytearray(32)) as master:
        volume = volume_from_master_key(master, ("HKDF", *flags, *EME))
    with pytest.raises(ValueError, match="nonces that come again"):
        OpenReverse(tmp_path, volume)


def test_what_is_shown_opens_to_what_is_there(whole: bytes) -> None:
    file_id = parse_header(whole[:HEADER_BYTES])
    assert file_id == _IVS.file_id
    assert _VOLUME.content.open(0, file_id, whole[HEADER_BYTES:]) == _PLAIN
    assert len(whole) == _VIEW.size(len(_PLAIN))


@given(
    st.integers(0, 18 + 4128 * 6) | st.sampled_from(_EDGES),
    st.integers(1, 4128 * 3) | st.sampled_from([1, 18, 4128]),
)
def test_any_range_is_that_part_of_the_whole(
    plain_fd: int, whole: bytes, offset: int, size: int
) -> None:
    assert bytes(_VIEW.read(plain_fd, _IVS, offset, size)) == whole[offset : offset + size]


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 8192, 131072])
def test_sizes_around_blocks_are_shown_as_they_are_read(tmp_path: Path, size: int) -> None:
    (tmp_path / "f").write_bytes(bytes(size))
    with OpenReverse(tmp_path) as view:
        data = view.read("f")
        assert view.attributes("f").size == len(data) == _VIEW.size(size)


@pytest.mark.parametrize(("offset", "size"), [(0, 4096), (0, 10), (5, 3), (18, 1)])
def test_an_empty_file_has_no_header(tmp_path: Path, offset: int, size: int) -> None:
    (tmp_path / "empty").write_bytes(b"")
    fd = os.open(tmp_path / "empty", os.O_RDONLY)
    assert bytes(_VIEW.read(fd, _IVS, offset, size)) == b""
    os.close(fd)


def test_reads_that_come_out_short_do_not_make_short_blocks(
    plain_fd: int, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.pread
    monkeypatch.setattr(content.os, "pread", lambda fd, size, at: real(fd, min(size, 1000), at))
    assert bytes(_VIEW.read(plain_fd, _IVS, 0, 1 << 20)) == whole


def test_a_file_that_grows_and_shrinks_is_shown_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a" * 5000)
    with OpenReverse(tmp_path) as view:
        ino = view.attributes("f").ino
        handle = view.fs.open(ino, os.O_RDONLY).handle
        before = bytes(view.fs.read(handle, 0, 1 << 17))
        with path.open("ab") as file:
            file.write(b"b" * 5000)
        assert view.fs.getattr(ino).size == _VIEW.size(10_000)
        after = bytes(view.fs.read(handle, 0, 1 << 17))
        # The first block is full and did not change, so it is the same ciphertext.
        assert after[: 18 + 4128] == before[: 18 + 4128]
        assert len(after) == _VIEW.size(10_000)
        os.truncate(path, 10)
        assert len(view.fs.read(handle, 0, 1 << 17)) == _VIEW.size(10)
        assert view.fs.read(handle, 4146, 100) == b""
        os.truncate(path, 0)
        assert view.fs.read(handle, 0, 100) == b""
        view.fs.release(handle)


def test_holes_are_sealed_like_the_zeros_that_they_read_as(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a" / "f").write_bytes(b"")
    os.truncate(tmp_path / "a" / "f", 10_000)
    (tmp_path / "b" / "f").write_bytes(bytes(10_000))
    with OpenReverse(tmp_path / "a") as sparse, OpenReverse(tmp_path / "b") as written:
        assert sparse.read("f") == written.read("f")


def test_a_hole_whose_ciphertext_has_no_size_hides_nothing_else() -> None:
    # In memory: the largest files are smaller on most disks.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        plain = Path(directory)
        (plain / "hole").touch()
        os.truncate(plain / "hole", FILE_MAX)
        with OpenReverse(plain) as view:
            assert view.attributes("hole").size == FILE_MAX
            assert len(view.names()) == 2
