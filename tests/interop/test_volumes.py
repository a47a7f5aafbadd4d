"""The files of a volume itself: its config, its directory IVs, and what its blocks look like."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path

import pytest
import sampletree
from capabilities import needs
from pairs import Pair
from support import Gocryptfs, MountedVolume, Vaultfs, run_program

BOTH = pytest.mark.parametrize("program", [Gocryptfs, Vaultfs], ids=["gocryptfs", "vaultfs"])


def test_both_programs_say_the_same_about_a_volume(pair: Pair, tmp_path: Path) -> None:
    volume = pair.maker(tmp_path)
    volume.create()
    said = volume.info()
    assert volume.by(pair.other).info() == said
    assert "FeatureFlags:      HKDF GCMIV128 DirIV EMENames LongNames Raw64\n" in said
    assert "ScryptObject:      Salt=32B N=1024 R=8 P=1 KeyLen=32\n" in said


@BOTH
def test_a_new_volume_has_the_files_that_gocryptfs_makes(
    program: type[MountedVolume], tmp_path: Path
) -> None:
    volume = program(tmp_path)
    volume.create()
    found = {path.name: path for path in volume.cipherdir.iterdir()}
    assert set(found) == {"gocryptfs.conf", "gocryptfs.diriv"}
    assert stat.S_IMODE(found["gocryptfs.conf"].stat().st_mode) == 0o400
    assert stat.S_IMODE(found["gocryptfs.diriv"].stat().st_mode) in (0o440, 0o444)
    assert len(found["gocryptfs.diriv"].read_bytes()) == 16
    text = found["gocryptfs.conf"].read_text()
    conf = json.loads(text)
    assert list(conf) == ["Creator", "EncryptedKey", "ScryptObject", "Version", "FeatureFlags"]
    assert list(conf["ScryptObject"]) == ["Salt", "N", "R", "P", "KeyLen"]
    assert conf["Version"] == 2
    assert text == json.dumps(conf, indent="\t") + "\n"


@BOTH
def test_the_scrypt_cost_that_was_asked_for_is_in_the_config(
    program: type[MountedVolume], tmp_path: Path
) -> None:
    volume = program(tmp_path, init_options=("-scryptn", "12"))
    volume.create()
    assert "N=4096 " in volume.info()


def test_the_ciphertext_of_the_same_tree_has_the_same_sizes(tmp_path: Path) -> None:
    sizes = {}
    for program in (Gocryptfs, Vaultfs):
        base = tmp_path / program.argv0
        base.mkdir()
        with program(base) as volume:
            sampletree.build(volume.mountpoint)
            sampletree.change(volume.mountpoint)
        # Not with rglob: older ones follow a symlink, and a sealed target is no path.
        sizes[program] = sorted(
            os.lstat(os.path.join(top, name)).st_size
            for top, folders, files in os.walk(volume.cipherdir)
            for name in folders + files
            if name != "gocryptfs.conf"
            and not stat.S_ISDIR(os.lstat(os.path.join(top, name)).st_mode)
        )
    assert sizes[Vaultfs] == sizes[Gocryptfs]


@BOTH
def test_holes_stay_holes_in_the_ciphertext(program: type[MountedVolume], tmp_path: Path) -> None:
    with program(tmp_path) as volume, (volume.mountpoint / "sparse").open("wb") as file:
        file.write(b"start")
        file.seek(1 << 28)
        file.write(b"end")
    (cipher,) = (path for path in volume.cipherdir.iterdir() if "gocryptfs" not in path.name)
    assert cipher.stat().st_size > 1 << 28
    assert cipher.stat().st_blocks * 512 < 1 << 17


@needs("gocryptfs-xray")
def test_xray_reads_the_blocks_of_a_file_that_we_wrote(tmp_path: Path) -> None:
    with Vaultfs(tmp_path) as volume:
        (volume.mountpoint / "file").write_bytes(bytes(range(256)) * 40)
    (cipher,) = (path for path in volume.cipherdir.iterdir() if "gocryptfs" not in path.name)
    shown = run_program(("gocryptfs-xray", cipher)).check().stdout.decode()
    assert shown.startswith("Header: Version: 2, Id: ")
    blocks = re.findall(r"Block +(\d+): IV: (\w+), Tag: (\w+), Offset: +(\d+) Len: (\d+)", shown)
    assert [(int(n), int(start), int(size)) for n, _, _, start, size in blocks] == [
        (0, 18, 4128),
        (1, 18 + 4128, 4128),
        (2, 18 + 2 * 4128, 256 * 40 - 8192 + 32),
    ]
    assert len({iv for _, iv, _, _, _ in blocks}) == 3


@needs("gocryptfs-xray")
def test_xray_finds_one_master_key_before_and_after_our_change_of_password(
    tmp_path: Path,
) -> None:
    volume = Vaultfs(tmp_path)
    volume.create()
    keys = []
    for password in (volume.password, b"another one"):
        shown = run_program(
            ("gocryptfs-xray", "-dumpmasterkey", volume.cipherdir / "gocryptfs.conf"),
            password + b"\n",
        ).check()
        keys.append(re.findall(rb"\b[0-9a-f]{64}\b", shown.stdout)[0])
        if password == volume.password:
            change = volume.password + b"\nanother one\n"
            volume.run("-passwd", volume.cipherdir, input=change).check()
    assert keys[0] == keys[1]


@BOTH
def test_a_clean_volume_passes_the_check_of_both_and_a_damaged_one_fails(
    program: type[MountedVolume], tmp_path: Path
) -> None:
    with program(tmp_path) as volume:
        (volume.mountpoint / "file").write_bytes(bytes(10000))
        (volume.mountpoint / "dir").mkdir()
        (volume.mountpoint / "link").symlink_to("file")
    for checker in (Gocryptfs, Vaultfs):
        assert b"no problems found" in volume.by(checker).fsck().check().stdout
    cipher = max(
        (path for path in volume.cipherdir.iterdir() if path.is_file()),
        key=lambda path: path.stat().st_size,
    )
    damaged = bytearray(cipher.read_bytes())
    damaged[18 + 4128 + 100] ^= 1
    cipher.write_bytes(damaged)
    for checker in (Gocryptfs, Vaultfs):
        assert b"fsck summary: 1 corrupt files" in volume.by(checker).fsck().check(26).stdout
