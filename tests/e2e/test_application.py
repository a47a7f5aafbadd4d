"""The application in a terminal: a vault is added, opened, used and locked by its keys."""

from __future__ import annotations

from pathlib import Path

from installed import becomes, password_file, status, vaultui
from support import Gocryptfs, program, wait_until
from tmuxterminal import Terminal


def test_a_vault_of_gocryptfs_is_added_opened_used_and_locked(
    terminal: Terminal, volume: Gocryptfs
) -> None:
    terminal.start(program("vaultui"))
    terminal.shows("No vaults yet")
    terminal.press("a")
    terminal.shows("Add a vault")
    terminal.type(str(volume.cipherdir))
    terminal.press("Enter")  # the name is that of the directory
    terminal.shows("locked", "Work")

    terminal.press("u")
    terminal.shows("Unlock Work", "Password")
    terminal.type("not the password")
    terminal.press("Enter")
    terminal.shows("Password incorrect", "Unlock Work")
    assert status("Work")["state"] == "locked"

    terminal.type(volume.password.decode())
    terminal.press("Enter")
    terminal.shows("● open")
    mountpoint = Path(status("Work")["mountpoint"])
    assert (mountpoint / "report.txt").read_bytes() == b"quarterly figures\n"
    (mountpoint / "notes.txt").write_bytes(b"written while open\n")

    terminal.press("l")
    terminal.shows("○ locked")
    assert not (mountpoint / "report.txt").exists()
    terminal.press("q")
    assert terminal.ended() == 0
    with volume:
        assert (volume.mountpoint / "notes.txt").read_bytes() == b"written while open\n"


def test_paths_are_translated_as_one_types(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    _open_work(volume, tmp_path)
    terminal.start(program("vaultui"))
    terminal.shows("● open")
    terminal.press("4")
    screen = terminal.shows("A path of this vault")
    cipher = [path.name for path in volume.cipherdir.iterdir() if path.is_file()]
    assert not any(name in screen for name in cipher if len(name) > 20)
    terminal.type("report.txt")
    answer = vaultui("path", "Work", "report.txt", "--json").check().text
    shown = next(name for name in cipher if name in answer)
    terminal.shows(shown[:40])


def test_quitting_leaves_the_vault_open_and_the_next_start_shows_it(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    mountpoint = _open_work(volume, tmp_path)
    terminal.start(program("vaultui"))
    terminal.shows("● open", "Work")
    terminal.press("q")
    assert terminal.ended() == 0
    assert (mountpoint / "report.txt").exists()
    terminal.again(program("vaultui"))
    terminal.shows("● open", "Work")


def test_a_busy_vault_says_who_holds_it_and_locks_once_it_is_free(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    mountpoint = _open_work(volume, tmp_path)
    terminal.start(program("vaultui"))
    terminal.shows("● open")
    with (mountpoint / "report.txt").open("rb") as held:
        terminal.press("l")
        terminal.shows("Work is in use", "report.txt")
        assert held.read() == b"quarterly figures\n"
    terminal.press("r")
    terminal.shows("○ locked")


def test_no_password_is_ever_on_the_screen_or_in_a_file(
    terminal: Terminal, volume: Gocryptfs, home: Path
) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    terminal.start(program("vaultui"))
    terminal.shows("Work")
    terminal.press("u")
    terminal.shows("Unlock Work")
    terminal.type("hunter2-hunter2")
    wait_until(lambda: "•••" in terminal.screen(), 10, "the dots of the password are shown")
    assert "hunter2" not in terminal.screen()
    terminal.press("Enter")
    terminal.shows("Unlock Work", "assword")
    terminal.press("Escape")
    terminal.hides("Unlock Work")  # Esc and a key at once would be one key with Alt
    terminal.press("q")
    assert terminal.ended() == 0
    for path in home.parent.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes(), path
    becomes("Work", "locked")


def _open_work(volume: Gocryptfs, base: Path) -> Path:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    secret = password_file(base, volume.password)
    vaultui("unlock", "Work", "--password-file", secret).check()
    return Path(status("Work")["mountpoint"])
