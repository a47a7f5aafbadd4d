"""`vaultui check`: progress on a terminal, a report that is kept, and a stop that is one."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import Shell
from support import program
from terminal import Terminal

pytestmark = needs("fuse", "gocryptfs")

FILES = 30_000


@pytest.fixture
def plain_names(shell: Shell, tmp_path: Path) -> Path:
    """Register a vault whose names are in the clear, with one file; return its cipher directory."""
    cipherdir = tmp_path / "plain.c"
    words = ("--name", "Work", "--names", "plain", "--password-file", shell.password_file)
    shell("create", cipherdir, *words).check()
    shell.unlock()
    (shell.home / "Vaults" / "Work" / "a\tfile").write_bytes(bytes(100_000))
    shell("lock", "Work").check()
    return cipherdir


def test_a_report_names_what_is_damaged(shell: Shell, plain_names: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    words = ("check", "Work", "--password-file", shell.password_file, "--report", report)
    shell(*words).check()
    when, verdict = report.read_text().splitlines()
    assert when.endswith(f"  {plain_names}")
    assert re.match(r"Work is whole: 1 file, \d+\.\d KiB\.", verdict)
    assert report.stat().st_mode & 0o777 == 0o600

    again = shell.error(*words)
    assert (again["code"], str(report) in again["summary"]) == ("file-not-made", True)

    report.unlink()
    with (plain_names / "a\tfile").open("r+b") as file:
        file.seek(5000)
        file.write(b"damage")
    shell(*words).check(26)
    kind, plain, cipher, reason = report.read_text().splitlines()[2].split("\t")
    assert (kind, plain, cipher) == ("corrupt-content", "a\\tfile", "a\\tfile")
    assert "block" in reason


def test_a_check_shows_how_far_it_is_and_can_be_stopped(
    shell: Shell, plain_names: Path, tmp_path: Path
) -> None:
    # In a plain name's place, so that there is much to read and little to make.
    for number in range(FILES):
        os.link(plain_names / "a\tfile", plain_names / f"link {number}")
    report = tmp_path / "report"
    password = ("--password-file", str(shell.password_file))
    words = (program("vaultui"), "check", "Work", *password, "--report", str(report))
    with Terminal(words, (40, 24)) as terminal:
        terminal.wait_for(" files, ")
        terminal.wait_for(" %")
        terminal.type("\x03")
        assert terminal.wait() == 15
        assert "The check was stopped" in " ".join(terminal.shown.split())
        steps = re.findall(r"\x1b\[K([^\r\n]*)", terminal.shown)
        assert max(len(step) for step in steps) < 40, "a step that is longer stays on the screen"
    read = re.search(r"read until then: (\d+) files", report.read_text())
    assert read is not None
    assert int(read[1]) < FILES
