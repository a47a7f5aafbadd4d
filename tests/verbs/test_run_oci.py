"""`vaultui run --driver oci`: containers of real runtimes with real vaults, also private ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from capabilities import UNPRIVILEGED_UID, needs
from containertask import make_crun, make_system
from ordinaryuser import give_to_user, with_device, within_reach
from programs import exit_code, program, run_program
from shelltwin import Shell

pytestmark = needs("fuse", "gocryptfs", "runc", "crun", "busybox", "root")


@pytest.fixture(scope="session")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_system(tmp_path_factory.mktemp("system"))


def run(shell: Shell, rootfs: Path, *words: str | Path) -> tuple[str | Path, ...]:
    """Return the command line of a container that has its vault opened if it has to be."""
    return (
        *(program("vaultui"), "run", "Work", "--password-file", shell.password_file),
        *("--driver", "oci", "--rootfs", rootfs, *words),
    )


def test_a_locked_vault_is_open_for_the_container_alone(
    shell: Shell, work: Path, rootfs: Path
) -> None:
    script = "echo in $VAULT_NAME; pwd > note; echo oh >&2; exit 7"
    done = run_program(run(shell, rootfs, "--", "sh", "-c", script))
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in Work\n", b"oh\n")
    assert shell.state() == "locked"
    (task,) = shell.json("tasks")["tasks"]
    assert (task["driver"], task["state"], task["exit_code"]) == ("oci", "ended", 7)
    shell.unlock()
    assert (work / "note").read_text() == "/vault\n"


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_a_private_vault_is_seen_in_the_container_and_nowhere_else(
    shell: Shell, work: Path, rootfs: Path, tmp_path: Path, runtime: str
) -> None:
    path = make_crun(tmp_path) if runtime == "crun" else runtime
    script = "echo secret > note; cat note; read line; exit 3"
    words = run(shell, rootfs, "--private", "--runtime", path, "-i", "--", "sh", "-c", script)
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"secret\n"
        assert not os.listdir(work)
        assert shell.state() == "locked"
        process.communicate(b"go on\n", 30)
        assert exit_code(process) == 3
    shell.unlock()
    assert (work / "note").read_text() == "secret\n"


def test_a_private_vault_belongs_to_whom_the_container_runs_as(
    shell: Shell, work: Path, rootfs: Path
) -> None:
    words = ("--private", "--user", "ann", "--", "sh", "-c", "id -u; echo mine > note; cat note")
    assert run_program(run(shell, rootfs, *words)).check().stdout == b"1000\nmine\n"
    shell.unlock()
    assert (work / "note").stat().st_uid == os.geteuid()


def test_what_the_runtime_printed_is_shown_with_the_cure(
    shell: Shell, work: Path, rootfs: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "profile.json"
    profile.write_text('{"defaultAction": "SCMP_ACT_NONSENSE"}')
    done = run_program(run(shell, rootfs, "--seccomp", profile, "--", "true"))
    assert done.returncode == 125
    assert "runc could not create the container: " in done.text
    assert "SCMP_ACT_NONSENSE" in done.text
    assert run_program(run(shell, rootfs, "--", "nosuchprogram")).returncode == 127
    assert shell.state() == "locked"


@needs("ordinary-user", "user-namespaces")
@pytest.mark.parametrize("runtime", ["runc", "crun"])
@pytest.mark.parametrize("privately", [False, True], ids=["open", "private"])
def test_an_ordinary_user_has_a_container_with_the_vault(
    shell: Shell, work: Path, rootfs: Path, tmp_path: Path, runtime: str, privately: bool
) -> None:
    path = make_crun(tmp_path) if runtime == "crun" else runtime
    give_to_user(shell.home.parent, tmp_path)
    script = "echo secret > note; cat note; id -u; grep ' /vault ' /proc/mounts"
    options = ("--private",) if privately else ()
    words = run(shell, rootfs, *options, "--runtime", path, "--", "sh", "-c", script)
    base = shell.home.parent
    # With what set-uid programs can do: a vault that is not private is mounted by one.
    user = f"--reuid={UNPRIVILEGED_UID}", f"--regid={UNPRIVILEGED_UID}", "--clear-groups"
    become = (*with_device(base), *within_reach(base), "setpriv", *user)
    done = run_program((*become, *words)).check()
    lines = done.stdout.decode().splitlines()
    assert lines[:2] == ["secret", "0"]
    assert "fuse.vaultfs" in lines[2]
    assert done.stderr == b""
