"""Programs are killed in the middle; vaults stay usable, or say why they are not."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from installed import becomes, password_file, status, vaultui
from programs import exit_code
from support import Gocryptfs, mountpoints_below, program, wait_until
from terminal import Terminal as PlainTerminal
from tmuxterminal import Terminal


def test_a_killed_application_leaves_its_vault_open_and_the_next_one_adopts_it(
    terminal: Terminal, volume: Gocryptfs
) -> None:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    terminal.start(program("vaultui"))
    terminal.shows("Work")
    terminal.press("u")
    terminal.shows("Unlock Work")
    terminal.type(volume.password.decode())
    terminal.press("Enter")
    terminal.shows("● open")
    before = status("Work")
    os.kill(terminal.pid(), signal.SIGKILL)
    terminal.ended()

    mountpoint = Path(before["mountpoint"])
    assert (mountpoint / "report.txt").read_bytes() == b"quarterly figures\n"
    assert status("Work")["backend_pid"] == before["backend_pid"]
    terminal.again(program("vaultui"))
    terminal.shows("● open", "Work")
    terminal.press("l")
    terminal.shows("○ locked")
    assert mountpoints_below(mountpoint) == []


def test_a_killed_backend_is_shown_as_broken_and_repaired(
    terminal: Terminal, volume: Gocryptfs, tmp_path: Path
) -> None:
    opened = _open_work(volume, tmp_path)
    terminal.start(program("vaultui"))
    terminal.shows("● open")
    os.kill(opened["backend_pid"], signal.SIGKILL)
    terminal.shows("✖ broken")
    found = status("Work")
    assert found["state"] == "broken"
    wait_until(
        lambda: mountpoints_below(opened["mountpoint"]) == [], 10, "the keeper detached the mount"
    )
    terminal.press("R")
    terminal.shows("○ locked")
    secret = password_file(tmp_path, volume.password)
    vaultui("unlock", "Work", "--password-file", secret).check()
    mountpoint = Path(status("Work")["mountpoint"])
    assert (mountpoint / "report.txt").read_bytes() == b"quarterly figures\n"


def test_a_killed_keeper_leaves_the_mount_working(volume: Gocryptfs, tmp_path: Path) -> None:
    opened = _open_work(volume, tmp_path)
    os.kill(opened["keeper_pid"], signal.SIGKILL)
    mountpoint = Path(opened["mountpoint"])
    assert (mountpoint / "report.txt").read_bytes() == b"quarterly figures\n"
    wait_until(lambda: not Path(f"/proc/{opened['keeper_pid']}").exists(), 10, "the keeper is gone")
    assert status("Work")["state"] == "open"
    vaultui("lock", "Work").check()
    becomes("Work", "locked")


def test_a_backend_and_keeper_killed_together_are_noticed_and_repaired(
    volume: Gocryptfs, tmp_path: Path
) -> None:
    opened = _open_work(volume, tmp_path)
    os.kill(opened["keeper_pid"], signal.SIGKILL)
    os.kill(opened["backend_pid"], signal.SIGKILL)
    becomes("Work", "broken")
    secret = password_file(tmp_path, volume.password)
    vaultui("repair", "Work").check()
    assert mountpoints_below(opened["mountpoint"]) == []
    vaultui("unlock", "Work", "--password-file", secret).check()
    assert (Path(opened["mountpoint"]) / "report.txt").exists()


def _open_work(volume: Gocryptfs, base: Path) -> dict[str, Any]:
    vaultui("add", volume.cipherdir, "--name", "Work").check()
    vaultui("unlock", "Work", "--password-file", password_file(base, volume.password)).check()
    return status("Work")


def test_an_application_whose_terminal_is_gone_ends_although_its_shell_does_not_tell_it() -> None:
    shell = ("sh", "-c", 'trap "" HUP; "$0"; :', program("vaultui"))
    with PlainTerminal(shell, (100, 30)) as terminal:
        terminal.wait_for("No vaults yet")
        terminal.hang_up()
        assert exit_code(terminal.process) == 0  # the shell's, which waits for the application
