"""`vaultui shell`: a shell in a vault, on a real terminal, with the vault locked at its end."""

from __future__ import annotations

from pathlib import Path

import pytest
from capabilities import needs
from programs import exit_code
from shelltwin import Shell
from support import program, wait_until
from terminal import Terminal

pytestmark = needs("fuse", "gocryptfs")


@pytest.fixture(autouse=True)
def bash(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/bash")
    (home / ".bashrc").write_text("PS1='in $debian_chroot> '\n")


def _shell(shell: Shell, *words: str) -> Terminal:
    password = ("--password-file", str(shell.password_file))
    return Terminal((program("vaultui"), "shell", "Work", *password, *words), (100, 30))


def test_a_shell_opens_the_vault_and_locks_it_at_its_end(shell: Shell, work: Path) -> None:
    with _shell(shell) as terminal:
        terminal.wait_for("You are in Work, at ~/Vaults/Work.")
        terminal.wait_for("in Work> ")
        # Ctrl-C is the shell's, and what is typed goes to it.
        terminal.type("\x03")
        terminal.wait_for("in Work> ", times=2)
        again = f"{program('vaultui')} shell Work"
        terminal.type(f"echo $VAULTUI_VAULT is $PWD > note; {again}; exit 7\n")
        terminal.wait_for("Lock Work now? [Y/n] ")
        assert "a shell in Work already" in terminal.shown
        terminal.type("\n")
        assert terminal.wait() == 7
        assert "Work is locked." in terminal.shown
    assert shell.state() == "locked"
    shell.unlock()
    assert (work / "note").read_text() == f"Work is {work}\n"


def test_a_vault_that_was_open_before_stays_open_and_one_in_use_says_who_uses_it(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    with _shell(shell) as terminal:
        terminal.wait_for("in Work> ")
        terminal.type("sleep 60 & exit\n")
        terminal.wait_for("Lock Work now? [y/N] ")
        terminal.type("y\n")
        assert terminal.wait() == 0
        assert "sleep (" in terminal.shown
    assert shell.state() == "open"
    shell("ps", "Work", "--kill").check()
    shell("lock", "Work", "--wait").check()


def test_a_shell_that_is_killed_gives_the_terminal_back(shell: Shell, work: Path) -> None:
    with _shell(shell, "--lock") as terminal:
        terminal.wait_for("in Work> ")
        terminal.type("stty -echo; kill -9 $$\n")
        assert terminal.wait() == 128 + 9
        assert terminal.echoes
    assert shell.state() == "locked"


def test_closing_the_terminal_locks_what_was_opened_for_the_shell(shell: Shell, work: Path) -> None:
    with _shell(shell) as terminal:
        terminal.wait_for("in Work> ")
        terminal.hang_up()
        exit_code(terminal.process)
    assert shell.state() == "locked"
    assert not (shell.home / ".local" / "state" / "vaultui" / "crashes").exists()


def test_without_a_terminal_there_is_no_shell(shell: Shell, work: Path) -> None:
    assert b"needs a terminal" in shell("shell", "Work").check(1).stderr


def test_a_private_shell_has_the_vault_for_itself(shell: Shell, work: Path) -> None:
    with _shell(shell, "--private") as terminal:
        terminal.wait_for("You are in Work, which is open for this shell alone.")
        terminal.wait_for("in Work> ")
        # It has the keys of the terminal, its size, and the vault around it.
        terminal.type("\x03")
        terminal.wait_for("in Work> ", times=2)
        terminal.type("stty size; echo $VAULTUI_VAULT is $PWD > note; cat note\n")
        terminal.wait_for(f"Work is {work}")
        assert "30 100" in terminal.shown
        assert shell.state() == "locked"
        assert list(work.iterdir()) == []
        terminal.type("exit 7\n")
        assert terminal.wait() == 7
    assert shell.state() == "locked"
    shell.unlock()
    assert (work / "note").read_text() == f"Work is {work}\n"


def test_a_private_shell_of_a_vault_that_is_open_says_that_it_is_not_alone(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    with _shell(shell, "--private") as terminal:
        terminal.wait_for("Work is open already; the shell is not alone in it.")
        terminal.wait_for("in Work> ")
        terminal.type("exit\n")
        terminal.wait_for("Lock Work now? [y/N] ")
        terminal.type("y\n")
        assert terminal.wait() == 0


def test_closing_the_terminal_ends_a_private_shell_and_its_vault(shell: Shell, work: Path) -> None:
    with _shell(shell, "--private") as terminal:
        terminal.wait_for("in Work> ")
        terminal.hang_up()
        exit_code(terminal.process)

    def states() -> list[str]:
        return [task["state"] for task in shell.json("tasks", "list")["tasks"]]

    wait_until(lambda: states() == ["ended"], what="the shell and all that keeps it ends")


def test_a_private_shell_takes_no_time_to_lock_at(shell: Shell, work: Path) -> None:
    with _shell(shell, "--private", "--for", "5m") as terminal:
        assert terminal.wait() == 1
        assert "A private vault is locked with the end of its shell" in terminal.shown
