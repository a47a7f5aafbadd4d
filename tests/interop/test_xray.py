"""Inspections, the master key and translated paths are those of the real gocryptfs-xray."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from capabilities import needs
from support import Gocryptfs, MountedVolume, Vaultfs, program, run_program

from vaultui.mountd.commandline import xray

pytestmark = needs("gocryptfs-xray")

SIZES = (0, 1, 4095, 4096, 4097, 3 * 4096 + 5)
PATHS = b'dir\ndir/file\n/dir//file/\nno/such\n\nnew\n..\n\xc3\xbc "x"\\\ndir/' + b"x" * 256


@pytest.mark.parametrize("flag", ["", "-aessiv", "-xchacha"])
def test_an_inspection_shows_what_gocryptfs_xray_shows(
    flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = (flag,) if flag else ()
    with Gocryptfs(tmp_path, init_options=flags) as volume:
        for size in SIZES:
            (volume.mountpoint / f"file{size}").write_bytes(os.urandom(size))
    files = [path for path in volume.cipherdir.iterdir() if not path.name.startswith("gocryptfs.")]
    assert len(files) == len(SIZES)
    torn = tmp_path / "torn"
    torn.write_bytes(max(files, key=os.path.getsize).read_bytes()[: -4096 + 2])
    for path in (*files, torn):
        theirs = run_program(("gocryptfs-xray", *flags, path))
        code = xray.inspect(str(path), aes_siv=flag == "-aessiv", xchacha=flag == "-xchacha")
        assert (code, capsys.readouterr().out) == (theirs.returncode, theirs.stdout.decode())


def test_the_command_line_shows_the_master_key_and_inspects(tmp_path: Path) -> None:
    volume = Gocryptfs(tmp_path)
    volume.create()
    conf = volume.cipherdir / "gocryptfs.conf"
    theirs = run_program(("gocryptfs-xray", "-dumpmasterkey", conf), volume.password)
    ours = volume.by(Vaultfs).run("-dumpmasterkey", conf)
    assert ours.check().stdout == theirs.check().stdout
    assert ours.stderr == b""
    diriv = volume.cipherdir / "gocryptfs.diriv"
    shown = volume.by(Vaultfs).run("-xray", diriv).check().stdout
    assert shown.decode() == f"Directory IV: {diriv.read_bytes().hex()}\n"


@pytest.fixture(params=[Gocryptfs, Vaultfs], ids=["gocryptfs", "vaultfs"])
def mounted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MountedVolume]:
    """Return a volume with `dir/file` in it, mounted by either program with a control socket."""
    made = request.param(tmp_path, mount_options=("-ctlsock", str(tmp_path / "socket")))
    with made as volume:
        (volume.mountpoint / "dir").mkdir()
        (volume.mountpoint / "dir" / "file").write_bytes(b"")
        yield volume


@pytest.mark.parametrize("separator", [b"\n", b"\0"], ids=["lines", "NUL"])
def test_paths_are_translated_as_by_gocryptfs_xray(
    mounted: MountedVolume, separator: bytes
) -> None:
    paths = PATHS.replace(b"\n", separator)
    options = ("-0",) if separator == b"\0" else ()
    socket = mounted.base / "socket"

    def translate(*words: str, given: bytes) -> tuple[int, bytes, bytes]:
        done = run_program((*words, *options, socket), given)
        return done.returncode, done.stdout, done.stderr

    ours = translate(program("vaultfs"), "-encrypt-paths", given=paths)
    assert ours == translate("gocryptfs-xray", "-encrypt-paths", given=paths)
    assert ours[0] == 1
    encrypted = ours[1]
    assert encrypted.count(separator) == 5
    back = translate(program("vaultfs"), "-decrypt-paths", given=encrypted)
    assert back == (
        0,
        separator.join((b"dir", b"dir/file", b"dir/file", b"new", b'\xc3\xbc "x"\\', b"")),
        b"",
    )


def test_a_socket_that_is_not_there_is_a_fatal_error(tmp_path: Path) -> None:
    done = run_program((program("vaultfs"), "-encrypt-paths", tmp_path / "socket"), b"a\n")
    done.check(1)
    assert done.stdout == b""
    assert done.stderr.decode() == f"fatal: {tmp_path}/socket: No such file or directory\n"
