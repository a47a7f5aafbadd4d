"""A front end that is killed while it starts a task: nothing runs, and nothing is open."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import Shell
from support import program, wait_until
from tracing import Traced

from vaultui.vaults.paths import default_paths

pytestmark = needs("fuse", "gocryptfs")

FRONT_END = """
import asyncio, os, signal, sys
from pathlib import Path
from vaultui.tasks import launch, running
from vaultui.vaults import Key, StepName, TaskRequest, Vaults, taskstart
from vaultui.vaults.passphrase import from_file
from vaultui.wire.tasks import TaskState

moment, private, password = sys.argv[1], sys.argv[2] == "private", sys.argv[3]

def die_at(this):
    if moment == this:
        os.kill(os.getpid(), signal.SIGKILL)

def dying(function, before, after):
    async def wrapped(*args, **kwargs):
        die_at(before)
        result = await function(*args, **kwargs)
        die_at(after)
        return result
    return wrapped

launch.ShimStart.until_forked = dying(launch.ShimStart.until_forked, "launching", "waiting")
running.RunningTask.go = dying(running.RunningTask.go, "held", "running")

async def main():
    key = Key(from_file(password))
    request = TaskRequest(("sleep", "60"), private=private)
    step = lambda name, _words: die_at(name.value)
    await Vaults.open().tasks.start("Work", request, key, on_step=step)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("how", "moment"),
    [
        ("open", "deriving"),
        ("open", "launching"),
        ("open", "held"),
        ("private", "mounting"),
        ("private", "waiting"),
        ("private", "held"),
    ],
)
def test_a_front_end_that_is_killed_before_the_task_begins_leaves_nothing(
    shell: Shell, work: Path, how: str, moment: str
) -> None:
    done = subprocess.run(
        (sys.executable, "-c", FRONT_END, moment, how, shell.password_file), timeout=30
    )
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: shell.state() == "locked", 20, "the vault is locked")
    wait_until(lambda: not _live(), 20, "nobody of the task is left")
    # Its keeper has none of the task's words, and puts the record away after everything else.
    wait_until(lambda: shell.json("tasks")["tasks"] == [], 20, "there is no record of it")


@pytest.mark.parametrize("how", ["open", "private"])
def test_a_task_that_has_begun_goes_on_and_locks_the_vault_at_its_end(
    shell: Shell, work: Path, how: str
) -> None:
    done = subprocess.run(
        (sys.executable, "-c", FRONT_END, "running", how, shell.password_file), timeout=30
    )
    assert done.returncode == -signal.SIGKILL
    (task,) = shell.json("tasks")["tasks"]
    assert (task["state"], task["private"]) == ("running", how == "private")
    assert shell.state() == ("locked" if how == "private" else "open")
    shell("tasks", "stop", task["id"]).check()
    wait_until(lambda: shell.state() == "locked", 20, "the vault is locked")


def _live() -> list[str]:
    """Return the processes that have to do with tasks of this test."""
    needle = os.fsencode(default_paths().tasks_dir)
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            environment = Path("/proc", name, "environ").read_bytes()
        except OSError:
            continue
        if needle in environment:
            found.append(name)
    return found


@needs("ptrace")
def test_a_warden_that_is_killed_before_it_tells_of_its_task_does_not_hang_the_start(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    def is_launcher(pid: int) -> bool:
        return b"shim/__main__.py" in Path(f"/proc/{pid}/cmdline").read_bytes()

    def kill_warden(pid: int, call: str) -> None:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if (name, call) == ("vaultui-warden", "write"):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    killed: list[int] = []
    words = ("run", "Work", "--password-file", shell.password_file, "--", "touch", tmp_path / "x")
    traced = Traced((program("vaultui"), *words), watches=is_launcher, at_change=kill_warden)
    traced.run(until=lambda: bool(killed) and traced.process.returncode is not None)
    traced.let_go()
    assert traced.process.returncode == 125
    assert len(killed) == 1
    wait_until(lambda: shell.state() == "locked", 20, "the vault is locked")
    wait_until(lambda: not _live(), 20, "nobody of the task is left")
    assert shell.json("tasks")["tasks"] == []
    assert not (tmp_path / "x").exists()
