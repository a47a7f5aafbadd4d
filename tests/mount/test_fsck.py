"""`vaultfs -fsck` from outside: what it prints where, and how it ends."""

from __future__ import annotations

import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest
from openvolume import PASSWORD, OpenVolume
from openvolume import create as create_volume
from support import Completed, program, run_program

COLUMNS = 50


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[OpenVolume]:
    """Return a volume with a file and a directory in it."""
    create_volume(tmp_path / "cipher")
    vault = OpenVolume(tmp_path / "cipher")
    vault.mkdir("dir")
    vault.write("dir/file", b"content")
    yield vault
    vault.close()


def fsck(vault: OpenVolume, *words: str) -> Completed:
    return run_program((program("vaultfs"), "-fsck", *words, vault.cipherdir), PASSWORD + b"\n")


def test_a_whole_volume_is_told_as_information(vault: OpenVolume) -> None:
    done = fsck(vault).check()
    assert done.stdout.decode().endswith("fsck summary: no problems found\n")
    assert fsck(vault, "-q").check().text == ""


def test_a_conflict_copy_is_listed_unless_it_should_be_quiet(vault: OpenVolume) -> None:
    original = vault.cipher_path("dir/file")
    copy = original.with_name(original.name + " (conflicted copy 2026-01-31 120000)")
    copy.write_bytes(original.read_bytes())
    shown = "dir/file (conflicted copy 2026-01-31 120000)"
    on_disk = copy.relative_to(vault.cipherdir)
    lines = fsck(vault).check().stdout.decode().splitlines()
    assert lines[-3:] == [
        f'fsck: conflict copy "{shown}": of "dir/file" (on disk "{on_disk}")',
        "fsck: conflict copies, which are no damage: 1",
        "fsck summary: no problems found",
    ]
    assert fsck(vault, "-q").check().text == ""


def test_damage_is_told_although_it_should_be_quiet(vault: OpenVolume) -> None:
    vault.cipher_path("dir/file").write_bytes(b"garbage")
    on_disk = vault.cipher_path("dir/file").relative_to(vault.cipherdir)
    done = fsck(vault, "-q").check(26)
    assert done.stdout.decode().splitlines() == [
        f'fsck: corrupt file "dir/file": the header: it has 7 of 18 bytes (on disk "{on_disk}")',
        "fsck summary: 1 corrupt files, 0 files skipped",
    ]
    assert done.stderr == b""


def test_a_name_that_would_write_to_the_terminal_is_spelled_out(vault: OpenVolume) -> None:
    (vault.cipherdir / "\x1b]0;title\x07\n").write_bytes(b"")
    done = fsck(vault, "-q").check(26)
    assert rb'fsck: corrupt entry in dir "": "\x1b]0;title\x07\x0a"' in done.stdout
    assert b"\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 2


def test_a_name_that_the_locale_has_no_letters_for_does_not_end_the_check(
    vault: OpenVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    vault.write("漢", b"x")
    vault.cipher_path("漢").write_bytes(b"garbage")
    assert rb'fsck: corrupt file "\u6f22": ' in fsck(vault).check(26).stdout


def test_a_check_whose_output_cannot_be_written_ends_with_11(vault: OpenVolume) -> None:
    vault.cipher_path("dir/file").write_bytes(b"garbage")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            (program("vaultfs"), "-fsck", "-q", vault.cipherdir),
            input=PASSWORD + b"\n",
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            timeout=30,
        )
    assert done.returncode == 11
    assert b"could not be written to standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_check_that_is_interrupted_says_so_and_ends_with_11(
    vault: OpenVolume, number: signal.Signals
) -> None:
    for index in range(300):
        (vault.cipherdir / f"{index:0200}").write_bytes(b"")
    process = subprocess.Popen(
        (program("vaultfs"), "-fsck", "-q", vault.cipherdir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin, process.stdout:
        process.stdin.write(PASSWORD + b"\n")
        process.stdin.flush()
        # There is more than the pipe takes, so the check can't be over.
        assert process.stdout.readline().startswith(b"fsck: corrupt entry")
        process.send_signal(number)
        assert process.stdout.read().splitlines()[-1] == b"fsck: aborted"
    assert process.returncode == 11


def test_progress_is_one_line_of_a_terminal_and_gone_at_the_end(vault: OpenVolume) -> None:
    vault.mkdir("dir/" + "漢" * 60)
    vault.write("dir/" + "漢" * 60 + "/file", bytes(20 << 20))
    vault.cipher_path("dir/file").write_bytes(b"garbage")
    shown = on_terminal(vault, ())
    assert "fsck: corrupt file" in shown
    assert shown.rstrip().endswith("fsck summary: 1 corrupt files, 0 files skipped")
    rewritten = re.findall(r"\r\x1b\[K([^\r]*)", shown)
    progress = [text for text in rewritten if "files, " in text]
    assert progress
    assert all(cells(text) < COLUMNS and "\n" not in text for text in progress)
    assert rewritten[-1].startswith("fsck")
    assert on_terminal(vault, ("-q",)).count("\x1b") == 0


def on_terminal(vault: OpenVolume, words: tuple[str, ...]) -> str:
    """Return what -fsck with these options writes to a terminal of COLUMNS columns."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, COLUMNS, 0, 0))
    process = subprocess.Popen(
        (program("vaultfs"), "-fsck", *words, vault.cipherdir),
        stdin=subprocess.PIPE,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    assert process.stdin is not None
    with process, process.stdin:
        process.stdin.write(PASSWORD + b"\n")
        process.stdin.flush()
        written = b""
        try:
            while data := os.read(ours, 4096):
                written += data
        except OSError:
            pass  # how Linux tells that nobody has the other end any more
    os.close(ours)
    assert process.returncode == 26
    return written.decode()


def cells(text: str) -> int:
    return sum(2 if character == "漢" else 1 for character in text)
