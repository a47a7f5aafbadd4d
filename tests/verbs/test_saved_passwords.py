"""Unlocking with what the keyring has, by the verbs and by a desktop launcher, on real mounts."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from capabilities import needs
from secretservice import gnome_keyring
from shelltwin import PASSWORD, Shell
from support import mountpoints_below, program, wait_until
from terminal import Terminal

pytestmark = needs("fuse", "gocryptfs", "gnome-keyring", "dbus")


def test_a_saved_password_opens_the_vault_without_a_question(
    shell: Shell, work: Path, bus: None
) -> None:
    with gnome_keyring("login"):
        done = shell("unlock", "Work", "--password-file", shell.password_file, "--save").check()
        assert b"saved in GNOME Keyring (Secret Service)" in done.stderr
        shell("lock", "Work").check()
        shell("--unlock", "Work").check()
    assert shell.state() == "open"


def test_a_renamed_vault_keeps_its_saved_password(shell: Shell, work: Path, bus: None) -> None:
    config = shell.home / ".config" / "vaultui" / "config.toml"
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
        config.write_text(config.read_text().replace('"Work"', '"Renamed"'))
        shell("unlock", "Renamed").check()


def test_a_wrong_saved_password_is_told_and_not_deleted(
    shell: Shell, work: Path, bus: None, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.write_text("another\n")
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
        _change_elsewhere(shell, work, new)
        for _ in range(2):
            error = shell.error("unlock", "Work")
            assert (error["code"], error["exit_code"]) == ("saved-password-incorrect", 12)
            assert "--save" in error["hint"]
        shell("unlock", "Work", "--password-file", new, "--save").check()
        shell("lock", "Work").check()
        shell("unlock", "Work").check()


def _change_elsewhere(shell: Shell, work: Path, new: Path) -> None:
    """Change the password as another machine would: without our keyring knowing."""
    (table,) = shell.json("list")["vaults"]
    subprocess.run(
        ("gocryptfs", "-passwd", "-q", table["cipherdir"]),
        input=f"{PASSWORD}\n{new.read_text()}".encode(),
        check=True,
    )


def test_at_a_terminal_a_wrong_saved_password_leads_to_the_question(
    shell: Shell, work: Path, bus: None, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.write_text("another\n")
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
        _change_elsewhere(shell, work, new)
        with Terminal((program("vaultui"), "unlock", "Work")) as terminal:
            terminal.wait_for("The saved password of Work is incorrect")
            terminal.wait_for("Password for Work: ")
            terminal.type("another\n")
            assert terminal.wait() == 0


def test_passwd_replaces_the_saved_password(
    shell: Shell, work: Path, bus: None, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    new.write_text("another\n")
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
        shell("passwd", "Work", "--new-password-file", new).check()
        shell("unlock", "Work").check()


def test_forget_can_delete_the_saved_password_too(shell: Shell, work: Path, bus: None) -> None:
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
        forgotten = shell.json("forget", "Work", "--saved-password")
        assert forgotten["saved_password_deleted"] is True


def test_a_locked_keyring_without_a_terminal_is_told_and_ends(
    shell: Shell, work: Path, bus: None
) -> None:
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
    with gnome_keyring(None):
        error = shell.error("unlock", "Work")
    assert error["exit_code"] == 9
    assert "is locked" in error["summary"]


def test_a_hanging_keyring_leads_to_the_question(shell: Shell, work: Path, bus: None) -> None:
    with gnome_keyring("login") as daemon:
        os.kill(daemon, signal.SIGSTOP)
        began = time.monotonic()
        with Terminal((program("vaultui"), "unlock", "Work")) as terminal:
            terminal.wait_for("The keyring did not answer within 5 seconds.")
            terminal.wait_for("Password for Work: ")
            terminal.type(PASSWORD + "\n")
            assert terminal.wait() == 0
        assert time.monotonic() - began < 20


def test_ctrl_c_at_a_hanging_keyring_ends_at_once(shell: Shell, work: Path, bus: None) -> None:
    with gnome_keyring("login") as daemon:
        os.kill(daemon, signal.SIGSTOP)
        with Terminal((program("vaultui"), "unlock", "Work")) as terminal:
            terminal.wait_for("Asking the keyring")
            terminal.type("\x03")
            assert terminal.wait() == 15


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for a desktop: a file manager and a terminal that note how they were started."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("xdg-open", "xdg-terminal-exec"):
        script = programs / name
        script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/{name}.started\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":99")
    return tmp_path


def started(desktop: Path, name: str) -> list[str]:
    note = desktop / f"{name}.started"
    wait_until(lambda: note.exists() and note.read_text().endswith("\n"), what=f"{name} started")
    return note.read_text().splitlines()


def test_a_launcher_opens_the_vault_and_shows_its_folder(
    shell: Shell, work: Path, bus: None, desktop: Path
) -> None:
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
        shell("--launcher", "--unlock=Work").check()
    assert started(desktop, "xdg-open") == [str(work)]
    assert mountpoints_below(work) == [str(work)]


def test_a_launcher_without_a_saved_password_asks_in_a_terminal(
    shell: Shell, work: Path, bus: None, desktop: Path
) -> None:
    with gnome_keyring("login"):
        shell("--launcher", "--unlock=Work").check()
    words = started(desktop, "xdg-terminal-exec")
    assert words == [program("vaultui"), "unlock", "Work", "--open"]


def test_a_launcher_with_nothing_to_ask_in_fails_and_says_why(shell: Shell, work: Path) -> None:
    done = shell("--launcher", "--unlock=Work")
    assert done.returncode == 9
    assert b"No password for Work" in done.stderr
