"""An inspection tells what a file of a cipher directory is, and what is wrong with it."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openvolume import OpenVolume

from vaultui.cipherfs import volume as volumes
from vaultui.model.secret import Secret
from vaultui.mountd.commandline import xray, xrayline

PASSWORD = b"correct horse battery"
LONG = "l" * 200
FILE_ID = bytes(range(1, 17))
HEADER = b"\0\2" + FILE_ID


@pytest.fixture
def vault(tmp_path: Path) -> OpenVolume:
    volumes.create(tmp_path, Secret(bytearray(PASSWORD)), scrypt_logn=10).wipe()
    vault = OpenVolume(tmp_path)
    vault.close()
    return vault


def lines(
    capsys: pytest.CaptureFixture[str], path: str | os.PathLike[str], code: int = 0, **flags: bool
) -> list[str]:
    assert xray.inspect(os.fspath(path), **flags) == code
    return capsys.readouterr().out.splitlines()


def test_a_file_is_its_header_and_a_line_for_each_block(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    block = bytes(range(16)) + b"c" * 4096 + b"\xaa" * 16
    file.write_bytes(HEADER + block + block[:-4000])
    nonce = "000102030405060708090a0b0c0d0e0f"
    assert lines(capsys, file) == [
        f"Header: Version: 2, Id: {FILE_ID.hex()}, assuming AES-GCM-256 mode",
        f"Block  0: IV: {nonce}, Tag: {'aa' * 16}, Offset:    18 Len: 4128",
        f"Block  1: IV: {nonce}, Tag: {'63' * 16}, Offset:  4146 Len: 128",
    ]
    assert lines(capsys, file, aes_siv=True)[:2] == [
        f"Header: Version: 2, Id: {FILE_ID.hex()}, assuming AES-SIV-512 mode",
        f"Block  0: IV: {nonce}, Tag: {'63' * 16}, Offset:    18 Len: 4128",
    ]
    assert lines(capsys, file, xchacha=True)[1] == (
        f"Block  0: IV: {nonce}{'63' * 8}, Tag: {'aa' * 8}{nonce[:16]}, Offset:    18 Len: 4136"
    )


def test_zeros_are_a_hole_as_a_whole_block_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(HEADER + bytes(4128 + 100))
    _header, whole, short = lines(capsys, file)
    assert whole.endswith("Len: 4128 (hole)")
    assert short.endswith("Len: 100 (corrupt: a short block of zeros)")


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (HEADER + b"x" * 32, "corrupt block: truncated data, len=32"),
        (HEADER[:17], "no file header: it has 17 of 18 bytes"),
        (b"\0\3" + FILE_ID, "no file header: it is of version 3, not 2"),
        (bytes(18), "no file header: it is all zeros"),
        (b"plain text of somebody", "no file header: it is of version 28780, not 2"),
        (b"{}", "The volume config file asks for something"),
    ],
)
def test_what_is_no_ciphertext_is_told_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes, line: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    assert lines(capsys, file, code=1)[-1].startswith(line)


def test_every_kind_of_file_in_a_cipher_directory_is_told(
    vault: OpenVolume, capsys: pytest.CaptureFixture[str]
) -> None:
    vault.reopen()
    vault.write("empty", b"")
    vault.write(LONG, b"x")
    vault.symlink(b"target", "link")
    hashed = vault.cipher_path(LONG)
    root = vault.cipherdir
    iv = (root / "gocryptfs.diriv").read_bytes().hex()
    assert lines(capsys, vault.cipher_path("empty")) == ["empty file"]
    assert lines(capsys, root) == [f"Directory IV: {iv}"]
    assert lines(capsys, root / "gocryptfs.diriv") == [f"Directory IV: {iv}"]
    [conf] = lines(capsys, root / "gocryptfs.conf")
    assert conf.startswith("Volume config: Creator: vaultui ")
    assert conf.endswith("content: AES-256-GCM, names: EME (-info shows it all)")
    companion = hashed.with_name(hashed.name + ".name")
    assert lines(capsys, companion) == [f"Long name: {companion.read_text()}"]
    [link] = lines(capsys, vault.cipher_path("link"))
    assert link.startswith("Symlink: IV: ")
    assert link.endswith("Len: 38")


def test_what_only_looks_like_a_file_of_the_volume_is_told(
    vault: OpenVolume, capsys: pytest.CaptureFixture[str]
) -> None:
    root = vault.cipherdir
    (root / "below").mkdir()
    assert lines(capsys, root / "below", code=1) == ["a directory without an IV: it is missing"]
    (root / "below" / "gocryptfs.diriv").write_bytes(b"short")
    assert lines(capsys, root / "below" / "gocryptfs.diriv", code=1)[0].startswith(
        "no directory IV"
    )
    companion = root / f"gocryptfs.longname.{'A' * 43}.name"
    companion.write_bytes(b"another name")
    assert "another" in lines(capsys, companion, code=1)[0]
    os.mkfifo(root / "fifo")
    assert "nothing in it is encrypted" in lines(capsys, root / "fifo", code=1)[0]


def test_a_link_that_holds_no_ciphertext_is_followed(
    vault: OpenVolume, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = tmp_path / "shortcut"
    link.symlink_to(vault.cipherdir)
    assert lines(capsys, link) == lines(capsys, vault.cipherdir)


def test_a_file_that_is_not_there_is_an_error_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nothing\n"
    assert xray.inspect(str(path)) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"{tmp_path}/nothing\\x0a: no such file or directory\n"


@given(
    start=st.sampled_from([b"", HEADER, HEADER[:9], b"{", b'{"Version": 2,', bytes(18)]),
    rest=st.binary(max_size=80),
    name=st.sampled_from(["file", "gocryptfs.diriv", f"gocryptfs.longname.{'A' * 43}.name"]),
)
def test_whatever_a_file_holds_an_inspection_ends_in_order(
    start: bytes, rest: bytes, name: str
) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        Path(folder, name).write_bytes(start + rest)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = xray.inspect(f"{folder}/{name}")
    assert code in (0, 1)
    assert printed.getvalue()


def test_the_help_of_gocryptfs_xray_fits_into_80_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert xrayline.run(["-h"]) == 0
    shown = capsys.readouterr()
    assert max(map(len, f"{shown.out}{shown.err}".splitlines())) < 80
