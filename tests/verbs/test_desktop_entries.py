"""install-desktop: entries that the validator accepts, executed as a desktop would."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from capabilities import needs
from shelltwin import Shell
from support import program, run_program

pytestmark = needs("fuse", "gocryptfs")

BACKSLASH = "\\"


def applications(shell: Shell) -> Path:
    return shell.home / ".local" / "share" / "applications"


def exec_words(entry: Path) -> list[str]:
    """Return the words of the Exec key, unescaped as the specification has it."""
    lines = entry.read_text().splitlines()
    value = next(line for line in lines if line.startswith("Exec=")).removeprefix("Exec=")
    # The rules for quoted words are those of a shell, so one unquotes them.
    script = f"printf '%s\\n' {value.replace(BACKSLASH * 2, BACKSLASH)}"
    words = run_program(("sh", "-c", script)).check().stdout.decode().splitlines()
    return [word.replace("%%", "%") for word in words]


def test_the_menu_gets_the_application_each_vault_and_lock_all(shell: Shell, work: Path) -> None:
    files = [Path(path) for path in shell.json("install-desktop")["files"]]
    assert all(path.is_file() for path in files)
    names = {path.name.split("-unlock-")[0] for path in files}
    assert names == {"vaultui.svg", "vaultui.desktop", "vaultui-lock-all.desktop", "vaultui"}
    entries = {path.read_text().partition("\nName=")[2].partition("\n")[0] for path in files[1:]}
    assert entries == {"vaultui", "Lock All Vaults", "Unlock Work"}


@needs("desktop-file-validate")
def test_the_validator_accepts_every_entry_whatever_the_vault_is_called(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    name = 'Ü 100% "q" \\ $HOME `x`'
    shell("create", tmp_path / "c", "--name", name, "--password-file", shell.password_file).check()
    shell("install-desktop").check()
    for entry in applications(shell).glob("*.desktop"):
        told = run_program(("desktop-file-validate", entry)).check()
        assert b"error" not in told.stdout


def test_an_entry_that_is_executed_unlocks_its_vault(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    name = 'Ü 100% "q" \\ $HOME `x`'
    shell("create", tmp_path / "c", "--name", name, "--password-file", shell.password_file).check()
    shell("install-desktop", name).check()
    (entry,) = applications(shell).glob("vaultui-unlock-*.desktop")
    words = exec_words(entry)
    assert words == [program("vaultui"), "--launcher", f"--unlock={name}"]
    subprocess.run((*words, "--password-file", shell.password_file), check=True)
    assert shell.state(name) == "open"


def test_the_entry_that_locks_everything_does(shell: Shell, work: Path) -> None:
    shell.unlock()
    shell("install-desktop").check()
    subprocess.run(exec_words(applications(shell) / "vaultui-lock-all.desktop"), check=True)
    assert shell.state() == "locked"


def test_a_terminal_of_ones_choice_stands_in_the_entries(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    terminal = tmp_path / "my term"
    terminal.write_text("#!/bin/sh\n")
    terminal.chmod(0o755)
    shell("install-desktop", "--terminal", shlex.quote(str(terminal))).check()
    entry = applications(shell) / "vaultui.desktop"
    assert exec_words(entry) == [str(terminal), "-e", program("vaultui")]
    assert "Terminal=false" in entry.read_text()
    (unlock,) = applications(shell).glob("vaultui-unlock-*.desktop")
    assert f"--terminal='{terminal}'" in exec_words(unlock)


def test_forgetting_a_vault_takes_its_entry_away(shell: Shell, work: Path) -> None:
    shell("install-desktop").check()
    shell("forget", "Work").check()
    assert list(applications(shell).glob("vaultui-unlock-*")) == []


def test_a_place_that_cannot_be_written_is_told(shell: Shell, work: Path) -> None:
    share = shell.home / ".local" / "share"
    applications(shell).parent.mkdir(parents=True, exist_ok=True)
    (share / "applications").touch()
    error = shell.error("install-desktop")
    assert (error["code"], error["exit_code"]) == ("desktop-entry-failed", 54)
