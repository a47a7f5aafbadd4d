"""Tasks in the application: run against a locked vault, watched, stopped, and kept without it."""

from __future__ import annotations

from pathlib import Path

from installed import becomes, password_file, status, vaultui
from support import Gocryptfs, program, wait_until
from tmuxterminal import Terminal


def test_a_command_runs_against_a_locked_vault_that_is_locked_again_afterwards(
    terminal: Terminal, volume: Gocryptfs
) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    terminal.start(program("vaultui"))
    terminal.shows("○ locked")
    terminal.press("r")
    terminal.shows("Run against Work")
    terminal.type("sh -c 'cat report.txt; echo done > result.txt; echo oh >&2; exit 3'")
    terminal.press("Enter")
    terminal.shows("and locked when it has ended")
    terminal.type(volume.password.decode())
    terminal.press("Enter")
    terminal.shows("quarterly figures", "✖ exit code 3", "1 line of errors")
    terminal.shows("○ locked")
    with volume:
        assert (volume.mountpoint / "result.txt").read_bytes() == b"done\n"


def test_a_task_outlives_the_application_and_is_stopped_by_the_next_one(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    vaultui("unlock", "Work", "--password-file", password_file(tmp_path, volume.password)).check()
    vaultui("tasks", "save", "Work", "Wait", "--", "sh", "-c", "echo begun; sleep 1000").check()
    terminal.start(program("vaultui"))
    terminal.shows("● open")
    terminal.press("5")
    terminal.shows("› saved")
    terminal.press("Enter")
    terminal.shows("● running", "begun")
    terminal.press("q")
    assert terminal.ended() == 0

    terminal.again(program("vaultui"))
    terminal.shows("● open", "Wait")
    terminal.press("5")
    terminal.shows("● running")
    terminal.press("j")
    terminal.shows("begun", "t stops it")
    terminal.press("t")
    terminal.shows("✖ stopped")
    assert status("Work")["state"] == "open"
    terminal.press("l")
    becomes("Work", "locked")
    mountpoint = Path(status("Work")["mountpoint"])
    wait_until(lambda: not (mountpoint / "report.txt").exists(), 10, "the vault is locked")
