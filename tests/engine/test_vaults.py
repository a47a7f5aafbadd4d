"""`vaultui run --driver engine`: a real vault in a container of a real engine."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from mounting import Vaultfs
from ordinaryuser import as_user, let_others_in
from podmanservice import IMAGE, PodmanService
from programs import private_home, program, run_program
from shelltwin import Shell
from waiting import wait_until

from vaultui.linux.descendants import descendants

pytestmark = needs("podman", "fuse")

RUN = ("run", "Work", "--driver", "engine", "--image", IMAGE, "--network", "none")


def run(*words: str) -> tuple[str, ...]:
    return (*RUN, "--password-file", "password", *words)


@pytest.fixture(autouse=True)
def in_directory(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the password is."""
    monkeypatch.chdir(shell.password_file.parent)


def task(shell: Shell) -> Any:
    return shell.json("tasks")["tasks"][0]


def directory(shell: Shell) -> Path:
    return Path(os.environ["XDG_RUNTIME_DIR"], "vaultui", "tasks", task(shell)["id"])


def waiting(shell: Shell) -> Any:
    """Start a container that waits, and return its task's record."""
    shell(*run("-d", "--grace", "1s", "--", "sh", "-c", "echo here; sleep 1000")).check()
    wait_until(lambda: b"here" in shell("tasks", "output", task(shell)["id"]).stdout, 20)
    return json.loads((directory(shell) / "task.json").read_text())


def test_a_locked_vault_is_open_for_the_container_alone(shell: Shell) -> None:
    done = shell(*run("--", "sh", "-c", "echo inside >note; cat note; echo oh >&2; exit 7"))
    assert (done.returncode, done.stdout, done.stderr) == (7, b"inside\n", b"oh\n")
    assert shell.state() == "locked"
    shell.unlock()
    assert (shell.home / "Vaults/Work/note").read_text() == "inside\n"
    shell("lock", "Work").check()


def test_a_vault_that_lets_others_in_can_be_used_by_any_user_of_a_container(shell: Shell) -> None:
    assert shell(*run("--user", "1000", "--", "true")).returncode == 125
    shell("settings", "set", "allow_other", "true", "--vault", "Work").check()
    shell.unlock()
    (shell.home / "Vaults/Work/public").write_text("for all")
    (shell.home / "Vaults/Work").chmod(0o755)
    done = shell(*RUN, "--user", "1000", "--", "cat", "public").check()
    assert done.stdout == b"for all"
    shell("lock", "Work").check()


def test_out_of_memory_is_what_people_are_told(shell: Shell) -> None:
    hungry = "a=x; while :; do a=$a$a; done"
    done = shell(*run("--limit", "memory=16M", "--", "sh", "-c", hungry))
    assert done.returncode == 137
    assert "memory" in done.stderr.decode()
    assert task(shell)["out_of_memory"] is True


def test_an_error_of_the_engine_is_told_and_kept(shell: Shell) -> None:
    done = shell(*run("--image", "localhost/none", "--", "true"))
    assert done.returncode == 125
    assert "no image localhost/none" in done.stderr.decode()
    assert task(shell)["error"]["code"] == "image-missing"
    assert shell.state() == "locked"


def test_the_time_limit_ends_a_container(shell: Shell) -> None:
    # Long enough that the container runs by then, also on a busy machine.
    words = ("--limit", "time=5s", "--grace", "1s", "--", "sleep", "1000")
    assert shell(*run(*words)).returncode == 128 + signal.SIGKILL
    assert task(shell)["timed_out"] is True


def test_a_container_is_stopped_and_its_vault_locked(shell: Shell, service: PodmanService) -> None:
    waiting(shell)
    shell("tasks", "stop", task(shell)["id"], "--now").check()
    assert task(shell)["stopped"] is True
    assert service.containers() == []
    assert wait_until(lambda: shell.state() == "locked")


@pytest.mark.parametrize("victim", ["task_pid", "keeper_pid", "warden_pid"])
def test_whoever_is_killed_no_container_is_left(
    shell: Shell, service: PodmanService, victim: str
) -> None:
    known = waiting(shell)
    chain = descendants(known["keeper_pid"])
    os.kill(known[victim], signal.SIGKILL)
    wait_until(lambda: task(shell)["state"] not in {"running", "stopping"}, what="it is over")
    wait_until(lambda: service.containers() == [], what="its container is gone")
    wait_until(lambda: shell.state() == "locked", what="its vault is locked")
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in chain), what="all is gone")
    assert not (directory(shell) / "bundle").exists()


def test_a_container_that_nobody_looks_after_any_more_goes_with_the_next_start(
    shell: Shell, service: PodmanService
) -> None:
    known = waiting(shell)
    keepers = (known["keeper_pid"], known["warden_pid"])
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in keepers:
            os.kill(pid, number)
    wait_until(lambda: task(shell)["state"] == "lost", what="it is lost")
    assert len(service.containers()) == 1
    # The first may find that the vault is still served to the container, which it removes.
    again = ("run", "Work", "--password-file", "password", "--", "true")
    wait_until(lambda: shell(*again).returncode == 0, what="another task runs")
    assert service.containers() == []
    assert wait_until(lambda: shell.state() == "locked")


@needs("ordinary-user")
def test_an_engine_of_root_cannot_enter_the_vault_of_another_user(
    service: PodmanService, tmp_path: Path
) -> None:
    base = tmp_path / "other"
    base.mkdir()
    environment = {**private_home(base), "DOCKER_HOST": service.address}
    volume = Vaultfs(base)
    volume.create()
    for path in (base, *base.rglob("*")):
        os.chown(path, UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    let_others_in(base)
    let_others_in(service.base)
    service.socket.chmod(0o666)
    vaultui = (*as_user(), program("vaultui"))
    run_program((*vaultui, "add", volume.cipherdir, "--name", "Work"), env=environment).check()
    refused = run_program((*vaultui, *RUN, "--", "true"), env=environment).check(125)
    assert "another user" in refused.text
    assert "allow_other" in refused.text
