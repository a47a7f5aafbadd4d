"""A vault that is open for one task alone, tried from outside: as another user, and as oneself."""

from __future__ import annotations

import json
import os
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import leftovers
import pytest
from capabilities import UNPRIVILEGED_UID, needs
from ordinaryuser import give_to_user, let_others_in, plainly_as_user, setting_user
from privatevault import lists
from programs import run_program
from shelltwin import RealVolume, Shell
from support import program, wait_until

from vaultui.linux.descendants import descendants

pytestmark = needs("fuse", "gocryptfs", "user-namespaces")

OTHER_UID = UNPRIVILEGED_UID - 1
PYTHON = "/usr/bin/python3"
"""One that another user can execute, wherever ours lies."""
TRIES = textwrap.dedent("""
    import ctypes, os, sys
    def attempt(what, act):
        try:
            act()
        except OSError:
            return
        print(what)
    for path in sys.argv[1:]:
        attempt(f"read {path}", lambda: open(path).close())
        attempt(f"list {path}", lambda: os.listdir(path))
        attempt(f"enter {path}", lambda: os.chdir(path))
    libc = ctypes.CDLL(None, use_errno=True)
    for path in sys.argv[1:]:
        if path.endswith("ns/mnt") and os.path.isfile(path):
            attempt(f"open {path}", lambda: os.open(path, os.O_RDONLY))
    print("tried")
""")
SECRET = "echo plaintext > secret; chmod 666 secret; echo ready; exec sleep 600"


def private(shell: Shell, *words: str) -> tuple[str, ...]:
    password = ("--password-file", str(shell.password_file))
    return (program("vaultui"), "run", "Work", "--private", *password, *words)


def record_of(shell: Shell, task_id: str) -> Any:
    runtime = Path(os.environ["XDG_RUNTIME_DIR"]) / "vaultui" / "tasks"
    return json.loads((runtime / task_id / "task.json").read_text())


def everybody(record: Any) -> list[int]:
    """Return the pids of all that is between the front end and the task."""
    return [record["warden_pid"], *descendants(record["warden_pid"])]


@pytest.fixture
def started(shell: Shell, work: Path, home: Path) -> Iterator[Any]:
    """Yield the record of a private task whose vault has a file that all might read."""
    let_others_in(home)
    words = private(shell, "--workdir", str(work), "--detach", "--", "sh", "-c", SECRET)
    task_id = run_program(words).check().stdout.decode().strip()
    output = Path(os.environ["XDG_RUNTIME_DIR"]) / "vaultui" / "tasks" / task_id / "stdout.log"
    wait_until(lambda: output.read_text() == "ready\n", what="it has written its secret")
    yield record_of(shell, task_id)
    shell("tasks", "stop", task_id).check()


@needs("root", "ordinary-user")
def test_another_user_finds_no_way_to_a_private_vault(
    shell: Shell, work: Path, started: Any
) -> None:
    ways = [str(work / "secret"), str(work)]
    for pid in everybody(started):
        proc = f"/proc/{pid}"
        ways += [f"{proc}/root{work}/secret", f"{proc}/root{work}", f"{proc}/cwd/secret"]
        ways += [f"{proc}/cwd", f"{proc}/ns/mnt", f"{proc}/fd", f"{proc}/mem", f"{proc}/environ"]
        ways += [f"{proc}/map_files", f"{proc}/task/{pid}/root"]
    done = run_program((*setting_user(OTHER_UID), PYTHON, "-c", TRIES, *ways)).check()
    # That the mount point is there everybody may see, and that it is empty only its owner.
    told = done.stdout.decode().splitlines()
    assert told in (["tried"], [f"enter {work}", "tried"])


@needs("root")
def test_outside_of_its_namespace_there_is_nothing_to_be_seen(
    shell: Shell, work: Path, started: Any
) -> None:
    assert list(work.iterdir()) == []
    assert not lists("self", str(work))
    assert not lists(1, str(work))
    assert shell.state() == "locked"
    seeing = [pid for pid in everybody(started) if lists(pid, str(work))]
    assert set(everybody(started)) - set(seeing) == {started["warden_pid"]}


def test_a_vault_that_a_private_task_has_names_that_task_to_others(
    shell: Shell, started: Any
) -> None:
    for refused in (
        shell.error("unlock", "Work", "--password-file", str(shell.password_file)),
        shell.error("unlock", "Work", "--read-only", "--password-file", str(shell.password_file)),
    ):
        assert refused["code"] == "vault-private"
        assert f"sh ({started['task_id']})" in refused["summary"]
        assert f"vaultui tasks stop {started['task_id']}" in refused["hint"]
    again = run_program(private(shell, "--", "true")).check(125)
    assert started["task_id"] in again.text


def test_readers_can_share_a_vault_with_a_private_task_that_only_reads(
    shell: Shell, work: Path
) -> None:
    words = private(shell, "--read-only", "--detach", "--", "sleep", "600")
    task_id = run_program(words).check().stdout.decode().strip()
    run_program(private(shell, "--read-only", "--", "true")).check()
    shell.unlock("Work", "--read-only")
    shell("lock", "Work").check()
    shell("tasks", "stop", task_id).check()


def test_a_private_task_that_crashes_leaves_no_core(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    place = tmp_path / "cores"
    place.mkdir()
    crash = "ulimit -c unlimited 2> /dev/null; kill -ABRT $$"
    run_program(private(shell, "--workdir", str(place), "--", "sh", "-c", crash)).check(128 + 6)
    assert list(place.iterdir()) == []


@needs("root")
def test_nobody_has_a_private_vault_of_root_and_root_owns_what_is_made_in_it(
    shell: Shell, work: Path
) -> None:
    made = "id -un; echo text > file; mkdir folder; ls -ld file folder | cut -d' ' -f3 | sort -u"
    words = private(shell, "--driver", "isolated", "--", "sh", "-c", made)
    assert run_program(words).check().stdout.split() == [b"nobody", b"nobody"]
    shell.unlock()
    assert [(work / name).stat().st_uid for name in ("file", "folder")] == [0, 0]
    refused = run_program(
        (program("vaultui"), "run", "Work", "--driver", "isolated", "--", "true")
    ).check(125)
    assert "Work is open for root alone, and the task would be nobody." in refused.text


@needs("root")
def test_a_locked_vault_that_is_for_root_alone_is_opened_for_nobody_alone(
    shell: Shell, work: Path
) -> None:
    password = ("--password-file", str(shell.password_file))
    for opens in (password, ()):
        shell("tasks", "clear").check()
        words = ("run", "Work", *opens, "--driver", "isolated", "--", "touch", "made")
        done = run_program((program("vaultui"), *words))
        assert b"root alone" not in done.stderr
        assert shell.state() == "locked"
        if opens:
            done.check()
            assert shell.json("tasks")["tasks"][0]["private"]
        else:
            done.check(125)  # without a password, and that is what is told
            assert b"No password for Work" in done.stderr
    shell.unlock()
    assert (work / "made").exists()


@needs("root")
def test_root_without_the_right_to_mount_is_told_what_a_container_needs(
    shell: Shell, work: Path
) -> None:
    kept = ("setpriv", "--bounding-set=-sys_admin")
    refused = run_program((*kept, *private(shell, "--", "true"))).check(125)
    assert "cannot be had here: Operation not permitted" in refused.text
    assert "--cap-add SYS_ADMIN" in refused.text


# --- an ordinary user ---


@pytest.fixture
def user(shell: Shell, work: Path, home: Path, tmp_path: Path) -> tuple[str | Path, ...]:
    """Return the words that run a command as an ordinary user, whose vault this is."""
    give_to_user(home.parent, tmp_path)
    return plainly_as_user(tmp_path)


LOOK = """
cd "$1" && echo text > file && read -r line < file && echo "$line $(id -u)"
grep -c " $1 " /proc/self/mountinfo
cat /proc/1/comm
grep -E "Cap(Prm|Eff|Amb)" /proc/self/status
fusermount3 -u "$1" 2> /dev/null || umount "$1" 2> /dev/null || echo stays
"""


@needs("ordinary-user")
@pytest.mark.parametrize("driver", ["command", "isolated"])
def test_an_ordinary_user_has_private_tasks_without_any_privilege(
    shell: Shell, work: Path, user: tuple[str | Path, ...], driver: str
) -> None:
    words = private(shell, "--driver", driver, "--", "sh", "-c", LOOK, "sh", str(work))
    done = run_program((*user, *words)).check()
    uid = UNPRIVILEGED_UID if os.geteuid() == 0 else os.getuid()
    none = [f"Cap{name}:\t{0:016x}" for name in ("Prm", "Eff", "Amb")]
    lines = done.stdout.decode().splitlines()
    assert lines == [f"text {uid}", "1", "vaultui-init", *none, "stays"]
    assert list(work.iterdir()) == []
    assert work.stat().st_mode & 0o777 == 0o500
    (log,) = shell.home.glob(".local/state/vaultui/log/*.log")
    assert log.read_text().endswith("locked: SIGTERM\n")
    shell.unlock()
    assert (work / "file").read_text() == "text\n"


@needs("ordinary-user")
def test_an_ordinary_user_has_isolated_tasks_in_a_vault_that_is_open(
    shell: Shell, work: Path, user: tuple[str | Path, ...]
) -> None:
    """One that fusermount3 has mounted lets its owner in, also from a user namespace."""
    script = f"""
        {program("vaultui")} unlock Work --password-file {shell.password_file}
        {program("vaultui")} run Work --driver isolated -- sh -c 'pwd; echo text > file; ls'
        {program("vaultui")} lock Work
    """
    done = run_program((*user, "sh", "-ec", script)).check()
    assert done.stdout.decode().splitlines()[1:3] == [str(work), "file"]


@needs("root", "ordinary-user")
def test_an_ordinary_user_may_change_what_a_group_may_change(
    shell: Shell, work: Path, volume: RealVolume, user: tuple[str | Path, ...]
) -> None:
    """In a user namespace the kernel knows no group but one's own."""
    words = (*user, *private(shell, "--workdir", str(work), "--", "sh", "-c"))
    run_program((*words, "touch shared")).check()
    (file,) = (path for path in volume.cipherdir.iterdir() if not path.name.startswith("gocryptfs"))
    os.chown(file, UNPRIVILEGED_UID, OTHER_UID)
    run_program((*words, "echo more >> shared")).check()


@needs("root", "ordinary-user")
@pytest.mark.parametrize("victim", ["keeper", "warden", "task"])
def test_an_ordinary_users_private_task_leaves_nothing_whoever_is_killed(
    shell: Shell, user: tuple[str | Path, ...], home: Path, victim: str
) -> None:
    words = private(shell, "--detach", "--grace", "1s", "--", "sh", "-c", "sleep 600 & sleep 600")
    task_id = run_program((*user, *words)).check().stdout.decode().strip()
    record = record_of(shell, task_id)
    assert len(everybody(record)) >= 4
    os.kill(record[f"{victim}_pid"], signal.SIGKILL)
    wait_until(lambda: not leftovers.processes_of(home), what="all of them end")
