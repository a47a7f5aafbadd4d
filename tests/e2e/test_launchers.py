"""Vaults opened without the application: from a shell, and from the desktop's entries."""

from __future__ import annotations

import configparser
import os
import stat
from pathlib import Path

from capabilities import needs
from installed import becomes, password_file, status, vaultui
from support import Gocryptfs, program, run_program
from tmuxterminal import Terminal


def test_unlock_asks_for_the_password_in_a_terminal(terminal: Terminal, volume: Gocryptfs) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    terminal.start(program("vaultui"), "--unlock", "Work")
    terminal.shows("assword")
    terminal.type(volume.password.decode())
    terminal.press("Enter")
    assert terminal.ended() == 0
    assert volume.password.decode() not in terminal.screen()
    mountpoint = Path(status("Work")["mountpoint"])
    assert (mountpoint / "report.txt").read_bytes() == b"quarterly figures\n"
    vaultui("lock", "Work").check()
    becomes("Work", "locked")


def test_unlock_without_a_terminal_and_a_password_ends_with_9_at_once(volume: Gocryptfs) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    done = vaultui("--unlock", "Work").check(9)
    assert b"Traceback" not in done.stderr
    assert status("Work")["state"] == "locked"


def test_unlock_with_a_wrong_password_ends_with_12(volume: Gocryptfs, tmp_path: Path) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    done = vaultui("--unlock", "Work", "--password-file", password_file(tmp_path, b"wrong"))
    done.check(12)
    assert b"Traceback" not in done.stderr


def test_unlocking_an_unknown_vault_ends_with_41() -> None:
    done = vaultui("--unlock", "Nothing").check(41)
    assert b"Nothing" in done.stderr


def test_unlocking_twice_is_success_and_one_mount(volume: Gocryptfs, tmp_path: Path) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    secret = password_file(tmp_path, volume.password)
    vaultui("unlock", "Work", "--password-file", secret).check()
    backend = status("Work")["backend_pid"]
    again = vaultui("unlock", "Work", "--password-file", secret, "--json").check()
    assert b'"already": true' in again.stdout
    assert status("Work")["backend_pid"] == backend


def test_what_our_vault_wrote_is_read_by_gocryptfs(volume: Gocryptfs, tmp_path: Path) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    secret = password_file(tmp_path, volume.password)
    vaultui("--unlock", "Work", "--password-file", secret).check()
    mountpoint = Path(status("Work")["mountpoint"])
    (mountpoint / "folder" / "new").write_bytes(b"by vaultui" * 1000)
    (mountpoint / "report.txt").rename(mountpoint / "old report.txt")
    vaultui("lock", "Work").check()
    with volume:
        assert (volume.mountpoint / "folder" / "new").read_bytes() == b"by vaultui" * 1000
        assert (volume.mountpoint / "old report.txt").read_bytes() == b"quarterly figures\n"
    volume.fsck().check()


@needs("desktop-file-validate")
def test_the_entries_of_the_desktop_are_valid_and_start_the_application(
    terminal: Terminal, volume: Gocryptfs, home: Path
) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work & Play $HOME").check()
    vaultui("install-desktop").check()
    entries = sorted((home / ".local" / "share" / "applications").glob("vaultui*.desktop"))
    assert len(entries) >= 3
    for entry in entries:
        run_program(("desktop-file-validate", entry)).check()
        assert stat.S_IMODE(entry.stat().st_mode) & 0o022 == 0
    main = next(entry for entry in entries if entry.name == "vaultui.desktop")
    assert _key(main, "Terminal") == "true"
    terminal.start(*_exec_words(main))
    terminal.shows("Work & Play $HOME", "locked")


def test_the_entry_of_a_vault_unlocks_it_in_the_terminal_that_it_names(
    terminal: Terminal, volume: Gocryptfs, home: Path, tmp_path: Path
) -> None:
    name = 'Work "and" $(play) 100%'
    vaultui("add", volume.cipherdir, "--name", name).check()
    # A terminal emulator that opens its window in the test's tmux: `emulator -e COMMAND…`.
    emulator = tmp_path / "emulator"
    emulator.write_text(
        f'#!/bin/sh\nshift\nexec tmux -S {tmp_path}/tmux respawn-pane -k -t 0 "$@"\n'
    )
    emulator.chmod(0o755)
    vaultui("install-desktop", "--terminal", emulator, name).check()
    (entry,) = (home / ".local" / "share" / "applications").glob("vaultui-unlock-*.desktop")
    terminal.start("cat")
    desktop = {**os.environ, "DISPLAY": ":99"}  # what tells a launcher that there are windows
    run_program(_exec_words(entry), timeout=60, env=desktop).check()
    terminal.shows("assword")
    terminal.type(volume.password.decode())
    terminal.press("Enter")
    becomes(name, "open")
    mountpoint = Path(status(name)["mountpoint"])
    assert (mountpoint / "report.txt").read_bytes() == b"quarterly figures\n"


def _key(entry: Path, key: str) -> str:
    parser = configparser.RawConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(entry.read_text())
    return parser["Desktop Entry"][key]


def _exec_words(entry: Path) -> list[str]:
    """Split an Exec key as desktops do: first the escapes of values, then the quoting of Exec."""
    value = _key(entry, "Exec").replace("\\\\", "\\")
    words, word, quoted, started = [], "", False, False
    characters = iter(value)
    for character in characters:
        if quoted and character == "\\":
            word += next(characters)
        elif character == '"':
            quoted, started = not quoted, True
        elif character == " " and not quoted:
            if started:
                words.append(word)
            word, started = "", False
        else:
            word, started = word + character, True
    if started:
        words.append(word)
    assert all(os.fspath(word) for word in words)
    return [word.replace("%%", "%") for word in words]
