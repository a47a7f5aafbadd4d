"""-init, -passwd, -info and -fsck, beside the real gocryptfs."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

from capabilities import needs
from mounting import Gocryptfs, Vaultfs
from programs import program, run_program
from support import wait_until

pytestmark = needs("fuse")


def lines_without_creator(volume: Vaultfs | Gocryptfs) -> list[str]:
    return [line for line in volume.info().splitlines() if not line.startswith("Creator:")]


@needs("gocryptfs")
def test_info_prints_what_gocryptfs_prints(volume: Vaultfs) -> None:
    theirs = volume.by(Gocryptfs)
    assert lines_without_creator(volume) == lines_without_creator(theirs)
    assert volume.info().startswith("Creator:           vaultui")
    assert volume.run("-q", "-info", volume.cipherdir).stdout


def test_info_of_a_directory_without_a_config_is_8(volume: Vaultfs) -> None:
    (volume.cipherdir / "gocryptfs.conf").unlink()
    done = volume.run("-info", volume.cipherdir)
    assert done.returncode == 8
    assert b"no volume config" in done.stderr


@needs("gocryptfs")
def test_a_new_volume_opens_with_gocryptfs_and_keeps_its_master_key_to_itself(
    tmp_path: Path,
) -> None:
    cipherdir = tmp_path / "c"
    cipherdir.mkdir()
    done = run_program((program("vaultfs"), "-init", "-scryptn", "10", cipherdir), b"pw\n")
    assert done.returncode == 0
    out = done.stdout.decode()
    assert "The gocryptfs filesystem has been created successfully." in out
    assert f"You can now mount it using: vaultfs {cipherdir} MOUNTPOINT" in out
    assert "suppressing master key display" in out
    assert re.search(r"[0-9a-f]{8}-[0-9a-f]{8}", out) is None
    with Gocryptfs(tmp_path, cipherdir=cipherdir, password=b"pw") as theirs:
        (theirs.mountpoint / "a").write_text("a")


def test_on_a_terminal_the_password_is_asked_twice_and_the_master_key_shown(
    tmp_path: Path,
) -> None:
    cipherdir = tmp_path / "c"
    cipherdir.mkdir()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        (program("vaultfs"), "-init", "-scryptn", "10", cipherdir),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    os.set_blocking(ours, False)
    screen = b""

    def shows(text: bytes) -> bool:
        nonlocal screen
        try:
            screen += os.read(ours, 4096)
        except BlockingIOError:
            pass
        except OSError:  # the other side is closed
            assert text in screen, screen
        return text in screen

    wait_until(lambda: shows(b"Password: "))
    os.write(ours, b"over the terminal\n")
    wait_until(lambda: shows(b"Repeat: "))
    os.write(ours, b"over the terminal\n")
    wait_until(lambda: shows(b"MOUNTPOINT"))
    assert process.wait(20) == 0
    os.close(ours)
    key = re.findall(rb"^ {4}((?:[0-9a-f]{8}-?){4}-?)\r$", screen, re.MULTILINE)
    assert len(key) == 2
    assert b"over the terminal" not in screen
    assert (
        run_program((program("vaultfs"), "-fsck", cipherdir), b"over the terminal\n").returncode
        == 0
    )


def test_two_different_passwords_on_a_terminal_make_no_volume(tmp_path: Path) -> None:
    cipherdir = tmp_path / "c"
    cipherdir.mkdir()
    done = run_program(
        (
            *("script", "-qec", f"{program('vaultfs')} -init -scryptn=10 {cipherdir}"),
            os.devnull,
        ),
        b"one\ntwo\n",
    )
    assert done.returncode == 9
    assert b"not the same" in done.stdout
    assert list(cipherdir.iterdir()) == []


def test_a_directory_with_content_is_never_made_a_volume(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("precious")
    done = run_program((program("vaultfs"), "-init", tmp_path), b"pw\n")
    assert done.returncode == 6
    assert b"letter" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


@needs("gocryptfs")
def test_a_changed_password_counts_for_both_programs(volume: Vaultfs) -> None:
    done = volume.run("-passwd", volume.cipherdir, input=volume.password + b"\nnew\n")
    assert done.returncode == 0
    assert b"Password changed." in done.stdout
    assert volume.run("-fsck", volume.cipherdir).returncode == 12
    for kind in (Vaultfs, Gocryptfs):
        other = volume.by(kind)
        other.password = b"new"
        assert other.fsck().returncode == 0


def test_a_wrong_old_password_or_an_empty_new_one_changes_nothing(volume: Vaultfs) -> None:
    conf = volume.cipherdir / "gocryptfs.conf"
    before = conf.read_bytes()
    for given, code in ((b"wrong\nnew\n", 12), (volume.password + b"\n\n", 9)):
        assert volume.run("-passwd", volume.cipherdir, input=given).returncode == code
        assert conf.read_bytes() == before
    assert sorted(path.name for path in volume.cipherdir.iterdir()) == [
        "gocryptfs.conf",
        "gocryptfs.diriv",
    ]


def test_a_check_finds_nothing_in_a_whole_volume_and_names_what_is_damaged(
    volume: Vaultfs,
) -> None:
    with volume:
        folder = volume.mountpoint / "docs"
        folder.mkdir()
        (folder / "letter").write_bytes(b"x" * 10000)
        (folder / "note").write_text("fine")
    done = volume.fsck()
    assert done.returncode == 0
    assert b"fsck summary: no problems found" in done.stdout
    (cipher_folder,) = (path for path in volume.cipherdir.iterdir() if path.is_dir())
    largest = max(cipher_folder.iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[5000] ^= 1
    largest.write_bytes(content)
    (cipher_folder / "no-name-of-ours").touch()
    done = volume.fsck()
    assert done.returncode == 26
    out = done.stdout.decode()
    assert 'fsck: corrupt file "docs/letter"' in out
    assert 'fsck: corrupt entry in dir "docs": "no-name-of-ours"' in out
    assert "fsck summary: 2 corrupt files, 0 files skipped" in out


def test_a_check_shares_with_readers_and_waits_for_no_writer(volume: Vaultfs) -> None:
    with volume:
        assert volume.fsck().returncode == 43
    volume.mount_options = ("-ro",)
    with volume:
        assert volume.fsck().returncode == 0


def test_the_password_comes_from_a_file_or_a_program(volume: Vaultfs) -> None:
    path = volume.base / "pw"
    path.write_bytes(volume.password + b"\n")
    assert volume.run("-fsck", "-passfile", path, volume.cipherdir, input=b"").returncode == 0
    done = volume.run("-fsck", "-extpass", f"cat {path}", volume.cipherdir, input=b"")
    assert done.returncode == 0
    assert volume.run("-fsck", "-extpass=false", volume.cipherdir, input=b"").returncode == 9


def test_the_help_and_the_version_end_with_0() -> None:
    vaultfs = program("vaultfs")
    assert b"Usage: vaultfs" in run_program((vaultfs, "-h")).check().stdout
    assert b"-notifypid" in run_program((vaultfs, "-hh")).check().stdout
    assert run_program((vaultfs, "-version")).check().stdout.startswith(b"vaultfs ")


def test_another_config_can_be_named(volume: Vaultfs) -> None:
    conf = volume.base / "elsewhere.conf"
    shutil.move(volume.cipherdir / "gocryptfs.conf", conf)
    assert volume.run("-fsck", "-config", conf, volume.cipherdir).returncode == 0
    assert volume.run("-info", "-config", conf, volume.cipherdir).returncode == 0
    volume.mount_options = ("-config", str(conf))
    volume.mount()
    volume.unmount()
