"""The application leaves its terminal to a shell and to an editor, and comes back from them."""

from __future__ import annotations

from pathlib import Path

import pytest
from installed import becomes, password_file, status, vaultui
from support import Gocryptfs, mountpoints_below, program, wait_until
from tmuxterminal import Terminal


def test_a_shell_in_a_vault_has_the_terminal_and_locking_is_offered_at_its_end(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    vaultui("unlock", "Work", "--password-file", password_file(tmp_path, volume.password)).check()
    terminal.start(program("vaultui"))
    terminal.shows("● open")
    terminal.press("s")
    terminal.shows("A shell in Work.")
    terminal.type("echo typed in $PWD > typed.txt; echo $((6 * 7)) lines")
    terminal.press("Enter")
    screen = terminal.shows("42 lines")
    assert "○" not in screen
    assert "●" not in screen  # nothing of the application is drawn over the shell
    terminal.type("exit")
    terminal.press("Enter")
    terminal.shows("The shell has ended. Lock Work now?", "● open")
    mountpoint = Path(status("Work")["mountpoint"])
    assert (mountpoint / "typed.txt").read_text() == f"typed in {mountpoint}\n"
    terminal.press("Enter")
    becomes("Work", "locked")
    assert mountpoints_below(mountpoint) == []


def test_the_settings_are_edited_in_the_editor_of_the_person_and_taken_over(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "1i theme = \\"light\\"" "$1"\nread -r answer\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    terminal.start(program("vaultui"))
    terminal.shows("No vaults yet")
    terminal.press("S")
    terminal.shows("theme             dark")
    terminal.press("e")
    terminal.hides("theme")
    terminal.press("Enter")
    terminal.shows("theme             light")
    config = Path(vaultui("locate", "config").check().text.strip())
    wait_until(lambda: config.read_text().startswith('theme = "light"'), 10, "it is written")


def test_a_private_shell_alone_sees_the_vault_after_a_wrong_password_too(
    terminal: Terminal, volume: Gocryptfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    terminal.start(program("vaultui"))
    terminal.shows("○ locked")
    terminal.press("A")
    terminal.shows("Work is opened for this shell alone")
    terminal.type("not the password")
    terminal.press("Enter")
    terminal.shows("Password incorrect", "Work is opened for this shell alone")
    terminal.type(volume.password.decode())
    terminal.press("Enter")
    terminal.shows("A private shell in Work.")
    terminal.type("cat report.txt; pwd")
    terminal.press("Enter")
    terminal.shows("quarterly figures")
    assert status("Work")["state"] == "locked"
    assert mountpoints_below(Path(status("Work")["mountpoint"])) == []
    terminal.type("exit")
    terminal.press("Enter")
    terminal.shows("○ locked", "Overview")


def test_a_saved_task_that_wants_a_terminal_gets_that_of_the_application(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    vaultui("unlock", "Work", "--password-file", password_file(tmp_path, volume.password)).check()
    script = 'read -p "name? " name; echo "hello $name" > hello.txt; exit 4'
    vaultui("tasks", "save", "Work", "Ask", "--tty", "--", "sh", "-c", script).check()
    terminal.start(program("vaultui"))
    terminal.shows("● open")
    terminal.press("5")
    terminal.shows("› saved", "Enter starts it")
    terminal.press("Enter")
    terminal.shows("Ask against Work", "name?")
    terminal.type("ada")
    terminal.press("Enter")
    terminal.shows("✖ exit code 4", "Ask against Work: exit code 4.")
    mountpoint = Path(status("Work")["mountpoint"])
    assert (mountpoint / "hello.txt").read_text() == "hello ada\n"
