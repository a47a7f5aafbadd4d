"""A password that one program set opens the volume in the other, and no other one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from pairs import Pair
from support import run_program

PASSWORDS = {
    "ascii": b"correct horse",
    "spaces": b"  leading and trailing  ",
    "umlauts": "Schlüßel ✓ ключ".encode(),
    "not-utf-8": b"\xff\xfe\x80",
    "one-byte": b"x",
    "tab-and-cr": b"a\tb\r",
    "long": b"p" * 1500,
}


@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS.keys())
def test_the_password_of_a_volume_opens_it_in_the_other_program(
    pair: Pair, tmp_path: Path, password: bytes
) -> None:
    volume = pair.maker(tmp_path, password=password)
    volume.create()
    volume.by(pair.other).fsck().check()


def test_a_password_that_the_other_program_changed_is_the_only_one(
    pair: Pair, tmp_path: Path
) -> None:
    with pair.maker(tmp_path) as volume:
        (volume.mountpoint / "file").write_bytes(b"inside")
    before = volume.info()
    old = volume.password
    for password in PASSWORDS.values():
        old, volume.password = volume.password, password
        words = old + b"\n" + password + b"\n"
        # The other program is asked for the one that it had set before, and finds it right.
        volume.by(pair.other).run("-passwd", "-q", volume.cipherdir, input=words).check()
        volume.fsck().check()
        volume.run("-fsck", volume.cipherdir, input=old + b"\n").check(12)
    other = volume.by(pair.other)
    other.run("-fsck", volume.cipherdir, input=old + b"\n").check(12)
    assert volume.info() == before
    with other:
        assert (other.mountpoint / "file").read_bytes() == b"inside"


def test_a_wrong_password_changes_nothing_and_ends_with_12(pair: Pair, tmp_path: Path) -> None:
    volume = pair.maker(tmp_path)
    volume.create()
    conf = (volume.cipherdir / "gocryptfs.conf").read_bytes()
    other = volume.by(pair.other)
    other.run("-passwd", other.cipherdir, input=b"wrong\nnew\n").check(12)
    assert (volume.cipherdir / "gocryptfs.conf").read_bytes() == conf


def test_a_password_from_a_file_is_its_first_line_in_both(pair: Pair, tmp_path: Path) -> None:
    volume = pair.maker(tmp_path)
    volume.create()
    passfile = tmp_path / "passfile"
    passfile.write_bytes(volume.password + b"\nsecond line\n")
    other = volume.by(pair.other, mount_options=("-passfile", str(passfile)))
    with other:
        assert list(other.mountpoint.iterdir()) == []


def test_a_password_from_a_program_is_what_it_prints_in_both(pair: Pair, tmp_path: Path) -> None:
    volume = pair.maker(tmp_path, password=b"from-a-program")
    volume.create()
    other = volume.by(pair.other, mount_options=("-extpass", "echo from-a-program"))
    with other:
        assert list(other.mountpoint.iterdir()) == []


def test_a_mount_in_the_background_is_ready_when_the_program_returns(
    pair: Pair, tmp_path: Path
) -> None:
    volume = pair.maker(tmp_path)
    volume.create()
    other = volume.by(pair.other)
    other.mountpoint.mkdir()
    try:
        other.run("-q", other.cipherdir, other.mountpoint).check()
        assert other.is_mounted()
        (other.mountpoint / "file").write_bytes(b"x")
    finally:
        run_program(("fusermount3", "-u", other.mountpoint))
    assert not other.is_mounted()
    with volume.by(pair.maker) as first:
        assert (first.mountpoint / "file").read_bytes() == b"x"
