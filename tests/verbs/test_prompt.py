"""The password prompt on a real terminal: nothing is echoed, and the echo is back in the end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import PASSWORD, RealVolume, Shell
from support import program
from terminal import Terminal

pytestmark = needs("fuse", "gocryptfs")

QUESTION = "Password for Work: "


def unlock(*options: str) -> Terminal:
    return Terminal((program("vaultui"), "unlock", "Work", *options))


def test_a_typed_password_opens_the_vault_and_is_never_shown(shell: Shell, work: Path) -> None:
    with unlock() as terminal:
        terminal.wait_for(QUESTION)
        assert not terminal.echoes
        terminal.type(PASSWORD + "\n")
        terminal.wait_for("Work is open at ~/Vaults/Work.")
        assert terminal.wait() == 0
        assert terminal.echoes
        assert PASSWORD not in terminal.shown
        assert "Deriving key…" in terminal.shown
    assert shell.state() == "open"


def test_the_question_does_not_stand_behind_what_was_being_done(shell: Shell, work: Path) -> None:
    with unlock() as terminal:
        terminal.wait_for(QUESTION)
        assert terminal.shown.endswith(f"Asking the keyring…\r\x1b[K{QUESTION}")


@pytest.mark.parametrize("verb", ["unlock", "check", "passwd"])
def test_no_password_is_asked_for_a_vault_that_is_not_there(
    shell: Shell, work: Path, volume: RealVolume, verb: str
) -> None:
    volume.cipherdir.rename(volume.cipherdir.with_name("away"))
    with Terminal((program("vaultui"), verb, "Work")) as terminal:
        assert terminal.wait() == 6
        assert "is not there" in terminal.shown
        assert "Password" not in terminal.shown


def test_a_wrong_password_is_asked_for_again(shell: Shell, work: Path) -> None:
    with unlock() as terminal:
        terminal.wait_for(QUESTION)
        terminal.type("wrong\n")
        terminal.wait_for("Password incorrect.")
        terminal.wait_for(QUESTION, times=2)
        terminal.type(PASSWORD + "\n")
        assert terminal.wait() == 0
    assert shell.state() == "open"


def test_three_wrong_passwords_are_enough(shell: Shell, work: Path) -> None:
    with unlock() as terminal:
        for attempt in range(1, 4):
            terminal.wait_for(QUESTION, times=attempt)
            terminal.type("wrong\n")
        assert terminal.wait() == 12
        assert terminal.echoes


def test_an_empty_line_is_told(shell: Shell, work: Path) -> None:
    with unlock() as terminal:
        terminal.wait_for(QUESTION)
        terminal.type("\n")
        assert terminal.wait() == 9
        assert "The password is empty." in terminal.shown


@pytest.mark.parametrize(
    "key", ["\x03", "\x1c", "\x04"], ids=["Ctrl-C", "Ctrl-backslash", "Ctrl-D"]
)
def test_a_key_ends_the_prompt_and_the_echo_is_back(shell: Shell, work: Path, key: str) -> None:
    with unlock() as terminal:
        terminal.wait_for(QUESTION)
        terminal.type(key)
        assert terminal.wait() == 15
        assert terminal.echoes
        assert "cancelled" in terminal.shown
        assert "Traceback" not in terminal.shown
    assert shell.state() == "locked"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_prompt_and_the_echo_is_back(
    shell: Shell, work: Path, number: signal.Signals
) -> None:
    with unlock() as terminal:
        terminal.wait_for(QUESTION)
        os.kill(terminal.process.pid, number)
        assert terminal.wait() == 15
        assert terminal.echoes


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_prompt_although_control_c_is_ignored(
    shell: Shell, work: Path, number: signal.Signals
) -> None:
    # As a shell without job control starts a job in the background.
    script = f"trap '' INT; exec {program('vaultui')} unlock Work"
    with Terminal(("sh", "-c", script)) as terminal:
        terminal.wait_for(QUESTION)
        os.kill(terminal.process.pid, number)
        assert terminal.wait() == 15
        assert terminal.echoes


def test_a_prompt_that_is_stopped_gives_the_echo_back_meanwhile(shell: Shell, work: Path) -> None:
    # A shell with job control: only below one can a job be stopped and continued.
    script = f"{program('vaultui')} unlock Work; echo STOPPED; read line; fg"
    with Terminal(("bash", "-m", "-c", script)) as terminal:
        terminal.wait_for(QUESTION)
        terminal.type("half a pass\x1a")
        terminal.wait_for("STOPPED")
        assert terminal.echoes
        terminal.type("\n")
        terminal.wait_for(QUESTION, times=2)
        assert not terminal.echoes
        terminal.type(PASSWORD + "\n")
        assert terminal.wait() == 0
        assert PASSWORD not in terminal.shown
    assert shell.state() == "open"


def test_what_was_typed_before_the_question_is_no_answer(shell: Shell, work: Path) -> None:
    with Terminal((program("vaultui"), "unlock", "Work")) as terminal:
        terminal.type("typed too early\n")
        terminal.wait_for(QUESTION)
        terminal.type(PASSWORD + "\n")
        assert terminal.wait() == 0


def test_the_terminal_is_asked_even_when_output_goes_to_a_pipe(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    command = f"{program('vaultui')} unlock Work --json </dev/null 2>/dev/null | cat > {out}"
    with Terminal(("sh", "-c", command)) as terminal:
        terminal.wait_for(QUESTION)
        terminal.type(PASSWORD + "\n")
        assert terminal.wait() == 0
    assert '"already": false' in out.read_text()


def test_a_new_password_is_typed_twice_and_the_same(shell: Shell, tmp_path: Path) -> None:
    with Terminal((program("vaultui"), "create", tmp_path / "new.c", "--name", "New")) as terminal:
        terminal.wait_for("New password for New: ")
        terminal.type("one\n")
        terminal.wait_for("The same again: ")
        terminal.type("two\n")
        terminal.wait_for("The two passwords are not the same.")
        terminal.wait_for("New password for New: ", times=2)
        terminal.type(PASSWORD + "\n")
        terminal.wait_for("The same again: ", times=2)
        terminal.type(PASSWORD + "\n")
        terminal.wait_for("Enter goes on. ")
        terminal.type("\n")
        assert terminal.wait() == 0
    assert shell.unlock("New")["already"] is False


def test_colours_are_for_terminals_and_can_be_turned_off(shell: Shell, work: Path) -> None:
    shell.unlock()
    with Terminal((program("vaultui"), "status")) as terminal:
        assert terminal.wait() == 0
        assert "\x1b[32m● open\x1b[0m" in terminal.shown
    with Terminal(("env", "NO_COLOR=1", program("vaultui"), "status", "--ascii")) as terminal:
        assert terminal.wait() == 0
        assert "* open" in terminal.shown
        assert "\x1b[32m" not in terminal.shown
        assert terminal.shown.isascii()
