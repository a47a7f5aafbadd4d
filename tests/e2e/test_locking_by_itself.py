"""The idle lock as a person sees it: it counts, warns, is put off, waits for others, and locks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from installed import becomes, password_file, status, vaultui
from support import Gocryptfs, program, wait_until
from tmuxterminal import Terminal


def test_the_countdown_falls_warns_and_is_put_off_and_open_files_are_counted(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    mountpoint = _open_work(volume, tmp_path, idle="63s")
    terminal.start(program("vaultui"))
    terminal.shows("● open", "Work")
    (mountpoint / "report.txt").read_bytes()  # which starts the countdown anew
    first = wait_until(lambda: _left(terminal), 20, "a countdown is shown")
    wait_until(lambda: 0 < _left(terminal) < first, 20, "the countdown falls")
    terminal.shows("Work locks in")
    terminal.press("e")
    wait_until(lambda: _left(terminal) > 14 * 60, 20, "the idle lock is put off")

    assert _files(terminal) == 0
    with (mountpoint / "report.txt").open("rb"):
        wait_until(lambda: _files(terminal) == 1, 20, "the open file is counted")
    wait_until(lambda: _files(terminal) == 0, 20, "the closed file is counted no more")
    terminal.press("3")
    terminal.shows("idle lock put off", "with a password file")


def test_a_vault_in_use_waits_to_be_locked_and_an_unused_one_locks_by_itself(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    mountpoint = _open_work(volume, tmp_path, idle="5s")
    with subprocess.Popen(("sleep", "300"), cwd=mountpoint) as holder:
        try:
            terminal.start(program("vaultui"))
            terminal.shows("▲ busy", "due, held")
            terminal.press("l")
            terminal.shows("Work is in use", "sleep", "working dir")
            terminal.press("w")
            terminal.shows("◑ locking", "as soon as nobody uses it")
        finally:
            holder.kill()
    terminal.shows("○ locked")

    terminal.press("u")
    terminal.shows("Unlock Work", "Password")
    terminal.type(volume.password.decode())
    terminal.press("Enter")
    terminal.shows("● open")
    becomes("Work", "locked")
    terminal.press("3")
    terminal.shows("because nobody used it", "with a typed password")


def _open_work(volume: Gocryptfs, base: Path, *, idle: str) -> Path:
    vaultui("add", volume.cipherdir, "--name", "Work", "--idle", idle).check()
    secret = password_file(base, volume.password)
    vaultui("unlock", "Work", "--password-file", secret).check()
    return Path(status("Work")["mountpoint"])


def _row(terminal: Terminal) -> str:
    return next((line for line in terminal.screen().splitlines() if "│ ● open" in line), "")


def _left(terminal: Terminal) -> int:
    """Return the seconds of the countdown in the list; 0 when there is none."""
    clock = re.search(r"(\d\d):(\d\d)", _row(terminal))
    return int(clock[1]) * 60 + int(clock[2]) if clock else 0


def _files(terminal: Terminal) -> int | None:
    """Return the number of open files in the list."""
    found = re.search(r"(\d+) +│", _row(terminal))
    return int(found[1]) if found else None
