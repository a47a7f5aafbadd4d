"""What locks a vault that a task runs against, and what that makes of the task."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs
from shelltwin import Shell
from support import program, wait_until

from vaultui.supervisor.controlclient import ControlClient
from vaultui.vaults import LockMode, Vaults
from vaultui.vaults.paths import default_paths

pytestmark = needs("fuse", "gocryptfs")


def start(shell: Shell, *command: str) -> str:
    """Start a task in the background, and return its id."""
    given = ("--password-file", shell.password_file, "--title", "Backup")
    return shell("run", "-d", "Work", *given, "--", *command).check().stdout.decode().strip()


def task(shell: Shell, task_id: str) -> str:
    state = shell.json("tasks", "show", task_id)["task"]["state"]
    assert isinstance(state, str)
    return state


def test_a_vault_opened_for_a_task_says_so_and_is_locked_after_it(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    start(shell, "sh", "-c", f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
    status = shell.status()
    assert status["temporary"]
    assert [held["title"] for held in status["holds"]] == ["Backup"]
    assert b"It is open for Backup, and locks itself after that." in shell("status").stdout
    (tmp_path / "go").touch()
    wait_until(lambda: shell.state() == "locked")
    assert b"after the last task" in shell("activity", "Work").stdout


def test_unlocking_a_vault_that_was_opened_for_a_task_keeps_it_open(
    shell: Shell, work: Path
) -> None:
    task_id = start(shell, "sleep", "600")
    shell("unlock", "Work").check()
    assert not shell.status()["temporary"]
    shell("tasks", "stop", task_id).check()
    assert shell.state() == "open"
    shell("lock", "Work").check()


def test_a_polite_lock_names_the_task_and_one_that_waits_comes_after_it(
    shell: Shell, work: Path
) -> None:
    task_id = start(shell, "sleep", "600")
    refused = shell("lock", "Work")
    assert refused.returncode == 47
    assert b"Backup" in refused.stderr
    with subprocess.Popen((program("vaultui"), "lock", "Work", "--wait")) as waiting:
        wait_until(lambda: shell.status()["waits_to_lock"] == "request")
        shell("tasks", "stop", task_id).check()
        assert waiting.wait(20) == 0
    assert shell.state() == "locked"


def test_a_vault_that_locks_itself_after_its_task_just_before_it_is_locked_is_locked(
    shell: Shell, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = start(shell, "sleep", "600")
    ask = ControlClient.lock

    async def too_late(client: ControlClient, *how: Any, **more: Any) -> None:
        shell("tasks", "stop", task_id).check()
        wait_until(lambda: not default_paths().socket(vault.id).exists())
        await ask(client, *how, **more)

    monkeypatch.setattr(ControlClient, "lock", too_late)
    vaults = Vaults.open()
    vault = vaults.entry("Work")
    asyncio.run(vaults.lock("Work", LockMode.KILL))
    assert shell.state() == "locked"


@pytest.mark.parametrize("trap", ["", "trap '' TERM; "])
def test_a_lock_that_ends_holders_ends_the_task_and_all_that_it_started(
    shell: Shell, work: Path, tmp_path: Path, trap: str
) -> None:
    task_id = start(shell, "sh", "-c", f"{trap}sleep 600 & echo $! > {tmp_path}/pid; wait; wait")
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
    shell("lock", "Work", "--kill").check()
    assert shell.state() == "locked"
    assert task(shell, task_id) == "ended"
    child = Path("/proc", (tmp_path / "pid").read_text().strip())
    wait_until(lambda: not child.exists() or " Z " in (child / "stat").read_text())


@pytest.mark.parametrize("how", ["--term", "--kill"])
def test_a_task_among_the_holders_can_be_ended_as_they_can(
    shell: Shell, work: Path, how: str
) -> None:
    task_id = start(shell, "sleep", "600")
    (held,) = wait_until(lambda: shell.json("ps", "Work")["holders"])
    assert (held["command"], held["kind"]) == ("Backup", "task")
    shell("ps", "Work", how).check()
    wait_until(lambda: shell.state() == "locked")
    assert shell.json("tasks", "show", task_id)["task"]["stopped"]


def test_a_task_whose_keeper_is_killed_leaves_no_open_vault(shell: Shell, work: Path) -> None:
    start(shell, "sleep", "600")
    (held,) = shell.status()["holds"]
    os.kill(held["pid"], signal.SIGKILL)
    wait_until(lambda: shell.state() == "locked")


def test_a_panic_kills_the_task(shell: Shell, work: Path) -> None:
    task_id = start(shell, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    shell("panic", "--yes").check()
    assert shell.state() == "locked"
    assert task(shell, task_id) == "ended"


def test_a_vault_whose_time_is_over_takes_its_task_along(shell: Shell, work: Path) -> None:
    task_id = start(shell, "sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
    shell("unlock", "Work", "--for", "1s").check()
    wait_until(lambda: shell.state() == "locked", 20)
    wait_until(lambda: task(shell, task_id) == "ended")
