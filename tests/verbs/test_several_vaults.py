"""Several vaults by one command: one password for as many as may be, and locks side by side."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import PASSWORD, RealVolume, Shell
from support import Gocryptfs, mountpoints_below, program, wait_until
from terminal import Terminal

from vaultui.vaults.adding import new_entry
from vaultui.vaults.paths import default_paths
from vaultui.vaults.registry import Registry

pytestmark = needs("fuse", "gocryptfs")

OTHER = "something else"


@pytest.fixture
def photos(shell: Shell, work: Path, volume: RealVolume) -> Path:
    """Register a second vault, with the password of the first; return its mount point."""
    cipherdir = volume.cipherdir.parent / "photos.c"
    shutil.copytree(volume.cipherdir, cipherdir)
    paths, registry = default_paths(), Registry(default_paths())
    registry.add(new_entry(paths, registry.entries(), str(cipherdir), name="Photos"))
    return shell.home / "Vaults" / "Photos"


@pytest.fixture
def taxes(shell: Shell, photos: Path, tmp_path: Path) -> Path:
    """Register a third vault, with a password of its own."""
    volume = Gocryptfs(tmp_path, cipherdir=tmp_path / "taxes.c", password=OTHER.encode())
    volume.create()
    shell("add", volume.cipherdir, "--name", "Taxes").check()
    return shell.home / "Vaults" / "Taxes"


def _states(shell: Shell) -> dict[str, str]:
    return {vault["name"]: vault["state"] for vault in shell.json("status")["vaults"]}


def test_one_password_opens_the_vaults_that_it_fits(shell: Shell, taxes: Path) -> None:
    password = ("--password-file", str(shell.password_file))
    done = shell("unlock", "Work", "Taxes", *password).check(12)
    assert done.stdout == b"Work is open at ~/Vaults/Work.\n1 of 2 vaults is open.\n"
    assert b"vaultui: Taxes: Password incorrect." in done.stderr
    told = shell.json("unlock", "Work", "Photos", "Taxes", *password, returncode=12)["vaults"]
    work, photos, refused = told
    assert (work["vault"]["state"], work["already"]) == ("open", True)
    assert (photos["vault"]["state"], photos["already"]) == ("open", False)
    assert (refused["name"], refused["error"]["code"]) == ("Taxes", "password-incorrect")
    assert _states(shell) == {"Work": "open", "Photos": "open", "Taxes": "locked"}


def test_a_password_is_asked_for_once_and_again_for_those_it_leaves(
    shell: Shell, taxes: Path
) -> None:
    words = (program("vaultui"), "unlock", "Work", "Photos", "Taxes")
    with Terminal(words, (100, 30)) as terminal:
        terminal.wait_for("Password for Work, Photos and Taxes: ")
        wait_until(lambda: not terminal.echoes)
        terminal.type(PASSWORD + "\n")
        terminal.wait_for("It does not open Taxes.")
        terminal.wait_for("Password for Taxes: ")
        wait_until(lambda: not terminal.echoes)
        terminal.type(OTHER + "\n")
        assert terminal.wait() == 0
        assert PASSWORD not in terminal.shown
    assert set(_states(shell).values()) == {"open"}


def test_without_a_terminal_each_vault_says_why_it_stays_locked(shell: Shell, photos: Path) -> None:
    done = shell("unlock", "Work", "Photos").check(9)
    told = done.stderr.decode()
    assert "vaultui: Work: " in told
    assert "vaultui: Photos: " in told
    assert done.stdout == b"0 of 2 vaults are open.\n"


def test_a_slip_in_one_name_opens_none(shell: Shell, work: Path) -> None:
    shell("unlock", "Work", "Wrok", "--password-file", shell.password_file).check(41)
    assert shell.state() == "locked"


def test_one_mount_point_is_for_one_vault(shell: Shell, photos: Path, tmp_path: Path) -> None:
    error = shell.error("unlock", "Work", "Photos", "--mountpoint", tmp_path)
    assert "--mountpoint is for one vault" in error["summary"]


def test_a_vault_that_is_waited_for_holds_up_no_other(
    shell: Shell, work: Path, photos: Path
) -> None:
    shell.unlock("Work")
    shell.unlock("Photos")
    held = (work / "held").open("w")
    words = (program("vaultui"), "lock", "Work", "Photos", "--wait")
    with subprocess.Popen(words, stdout=subprocess.PIPE) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"Photos is locked.\n"
        assert mountpoints_below(work) == [str(work)]
        held.close()
        assert waiting.stdout.read() == b"Work is locked.\n"
        assert waiting.wait(20) == 0


def test_a_lock_of_several_is_summed_up_where_one_fails(
    shell: Shell, work: Path, photos: Path
) -> None:
    shell.unlock("Work")
    shell.unlock("Photos")
    with (work / "held").open("w"):
        done = shell("lock", "--all").check(47)
    assert done.stdout == b"Photos is locked.\n1 of 2 vaults is locked.\n"
    assert b"Work" in done.stderr


@pytest.fixture
def holder(work: Path) -> Callable[[], subprocess.Popen[bytes]]:
    """Return what starts a process that has its working directory in Work, and is deaf to TERM."""

    def start() -> subprocess.Popen[bytes]:
        script = "trap '' TERM HUP INT; echo there; while :; do read line || sleep 60; done"
        process = subprocess.Popen(
            ("sh", "-c", script), cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        return process

    return start


def test_a_panic_ends_whoever_holds_a_vault_and_a_backend_that_does_not_answer(
    shell: Shell, work: Path, photos: Path, holder: Callable[[], subprocess.Popen[bytes]]
) -> None:
    pids = [shell.unlock(name)["vault"]["backend_pid"] for name in ("Work", "Photos")]
    (photos / "file").write_text("written before")
    with holder() as held:
        os.kill(pids[1], signal.SIGSTOP)
        results = shell.json("panic", "--yes")["vaults"]
        assert held.wait(10) == -signal.SIGKILL
    assert [(result["name"], result["detached"]) for result in results] == [
        ("Work", False),
        ("Photos", False),
    ]
    assert mountpoints_below(shell.home) == []
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    assert set(_states(shell).values()) == {"locked"}
    shell.unlock("Photos")
    assert (photos / "file").read_text() == "written before"


def test_a_panic_ends_also_what_was_locked_lazily(
    shell: Shell, work: Path, holder: Callable[[], subprocess.Popen[bytes]]
) -> None:
    pid = shell.unlock()["vault"]["backend_pid"]
    with holder() as held:
        shell("lock", "Work", "--lazy").check()
        assert Path(f"/proc/{pid}").exists()
        shell("panic", "--yes").check()
        assert not Path(f"/proc/{pid}").exists()
        held.kill()
    assert shell.state() == "locked"


def test_a_panic_asks_once_and_a_no_changes_nothing(shell: Shell, work: Path) -> None:
    shell.unlock()
    with Terminal((program("vaultui"), "panic"), (80, 24)) as terminal:
        terminal.wait_for("Lock everything at once? [y/N] ")
        assert "Locks at once: Work." in terminal.shown
        terminal.type("\n")
        assert terminal.wait() == 0
    assert shell.state() == "open"
    assert b"--yes" in shell("panic").check(1).stderr
