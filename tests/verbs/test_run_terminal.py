"""`vaultui run --tty`: a task on a terminal of its own, behind the one that we are on."""

from __future__ import annotations

import sys
from pathlib import Path

from capabilities import needs
from shelltwin import Shell
from support import program, run_program
from terminal import Terminal

pytestmark = needs("fuse", "gocryptfs")

CLEARS_LINE = "\x1b[K"
ON_A_TERMINAL = """
import os, signal

def size():
    return "{1} {0}".format(*os.get_terminal_size())

signal.signal(signal.SIGWINCH, lambda *_: print("now", size(), flush=True))
signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
assert all(map(os.isatty, (0, 1, 2)))
os.close(os.open("/dev/tty", os.O_RDWR))
print("ready:", size(), flush=True)
print("got", input())
raise SystemExit(4)
"""


def run(shell: Shell, *words: str) -> Terminal:
    password = ("--password-file", str(shell.password_file))
    return Terminal((program("vaultui"), "run", "Work", *password, "-t", *words), (100, 30))


def test_a_task_has_a_terminal_whose_size_follows_ours_and_whose_keys_are_its_own(
    shell: Shell, work: Path
) -> None:
    with run(shell, "--private", "--", sys.executable, "-c", ON_A_TERMINAL) as terminal:
        terminal.wait_for("ready: 30 100")
        assert not terminal.echoes  # ours is raw: what is typed is shown by the task's
        terminal.resize((120, 40))
        terminal.wait_for("now 40 120")
        terminal.type("\x03")
        terminal.wait_for("interrupted")
        terminal.type("word\r")
        terminal.wait_for("got word")
        assert terminal.wait() == 4
        assert terminal.echoes
    (task,) = shell.json("tasks")["tasks"]
    assert (task["terminal"], task["exit_code"]) == (True, 4)
    assert shell("tasks", "output", task["id"]).stdout == b""
    assert shell.state() == "locked"


def test_a_shell_that_is_given_no_terminal_ends_with_a_word_about_it(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    words = (program("vaultui"), "run", "Work", "--", "sh")
    with Terminal(words, (100, 30)) as terminal:
        terminal.wait_for("sh had no input and no terminal; -t gives it one.")
        assert terminal.wait() == 0
    assert run_program(words).check().stderr == b""


def test_the_steps_of_unlocking_are_gone_before_the_command_writes(
    shell: Shell, work: Path
) -> None:
    words = ("--password-file", str(shell.password_file), "--", "echo", "ready")
    with Terminal((program("vaultui"), "run", "Work", *words), (100, 30)) as terminal:
        assert terminal.wait() == 0
        steps, _, after = terminal.shown.partition("ready")
        assert "Mounting" in steps
        assert CLEARS_LINE in steps
        assert CLEARS_LINE not in after


def test_a_command_that_is_not_there_leaves_the_terminal_as_it_was(
    shell: Shell, work: Path
) -> None:
    with run(shell, "--", "no-such-program") as terminal:
        assert terminal.wait() == 127
        assert terminal.echoes
        assert "no program no-such-program" in terminal.shown


def test_a_terminal_is_refused_where_there_is_none(shell: Shell, work: Path) -> None:
    done = shell("run", "Work", "-t", "--", "true")
    assert done.returncode == 125
    assert "needs a terminal" in done.stderr.decode()


def test_a_task_on_a_terminal_that_is_closed_is_ended(shell: Shell, work: Path) -> None:
    with run(shell, "--", "sh", "-c", "echo ready; exec sleep 60") as terminal:
        terminal.wait_for("ready")
        terminal.process.terminate()
        assert terminal.wait() == 128 + 15
        assert terminal.echoes
    assert shell.state() == "locked"
