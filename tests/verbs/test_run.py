"""`vaultui run`: the command's own exit code and streams, and the vault as it was before."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from capabilities import needs
from shelltwin import RealVolume, Shell
from support import detach, program, run_program, wait_until

from vaultui.vaults.paths import default_paths

pytestmark = needs("fuse", "gocryptfs")


def run(shell: Shell, *words: str) -> tuple[str, ...]:
    """Return the command line of a run that opens the vault if it has to."""
    return (program("vaultui"), "run", "Work", "--password-file", str(shell.password_file), *words)


def test_a_locked_vault_is_open_for_the_command_alone(shell: Shell, work: Path) -> None:
    script = 'echo "in $VAULT_NAME"; pwd > "$VAULT_MOUNT/note"; echo oh >&2; exit 7'
    done = run_program((*run(shell, "--", "sh", "-c", script),))
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in Work\n", b"oh\n")
    assert shell.state() == "locked"
    shell.unlock()
    assert (work / "note").read_text() == f"{os.getcwd()}\n"
    (task,) = shell.json("tasks")["tasks"]
    assert (task["state"], task["exit_code"], task["vault"]) == ("ended", 7, "Work")
    assert shell("tasks", "output", task["id"][:4]).stdout == b"in Work\n"
    assert shell("tasks", "output", task["id"], "--errors").stdout == b"oh\n"


def test_a_command_begins_where_we_are_and_a_saved_one_in_the_vault(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    shell.unlock()
    shell("tasks", "save", "Work", "Where", "--", "pwd").check()
    place = tmp_path / "place"
    place.mkdir()

    def begins(*words: str) -> str:
        line = ("env", "-C", str(place), program("vaultui"), "run", "Work", *words)
        return run_program(line).check().stdout.decode().strip()

    assert begins("--", "pwd") == str(place)
    assert begins("Where") == str(work)
    assert begins("Where", "--workdir", ".") == str(place)
    gone = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" run Work -- pwd'
    refused = run_program(("env", "-C", str(place), "sh", "-c", gone, program("vaultui")))
    assert f"--workdir cannot be {place}/gone: there is no such directory" in refused.text
    assert refused.returncode == 125


def test_a_vault_that_was_open_stays_open(shell: Shell, work: Path) -> None:
    shell.unlock()
    assert run_program(run(shell, "--", "touch", "${VAULT_MOUNT}/here")).check().stdout == b""
    assert (work / "here").exists()
    assert shell.state() == "open"


def test_a_private_vault_is_seen_by_the_command_and_by_nobody_else(
    shell: Shell, work: Path
) -> None:
    reading, writing = os.pipe()
    script = 'echo secret > "$VAULT_MOUNT/note"; cat "$VAULT_MOUNT/note"; read line; exit 3'
    with subprocess.Popen(
        run(shell, "--private", "-i", "--", "sh", "-c", script),
        stdin=reading,
        stdout=subprocess.PIPE,
    ) as process:
        os.close(reading)
        assert process.stdout is not None
        assert process.stdout.readline() == b"secret\n"
        assert not os.listdir(work)
        assert shell.state() == "locked"
        assert shell.json("tasks")["tasks"][0]["private"]
        os.write(writing, b"go on\n")
        os.close(writing)
        assert process.wait(30) == 3
    shell.unlock()
    assert (work / "note").read_text() == "secret\n"


REFUSED = {
    ("--", "no-such-program"): (127, "no program no-such-program"),
    ("--", "/etc/passwd"): (126, "Permission denied"),
    ("--", "/"): (126, "it is a directory"),
    ("--", "${T}"): (127, "no program ${T}"),
    ("--env", "T=ls -l", "--", "${T}"): (125, "more than one word"),
    ("--env", "T=", "--", "${T}"): (125, "empty"),
    ("--limit", "memory=lots", "--", "true"): (125, "not a size"),
    ("--image", "debian", "--", "true"): (125, "it is for engine"),
    ("Backup",): (125, "no saved task Backup"),
    (): (125, "Say what to run"),
    ("--no-such-option", "--", "true"): (125, "no-such-option"),
}


def test_what_cannot_be_run_is_told_before_the_vault_is_opened(shell: Shell, work: Path) -> None:
    (shell.home / "nothing").touch()
    for words, (code, told) in REFUSED.items():
        # Not even a password is looked for: it would be the first to be missing.
        done = shell("run", "Work", "--password-file", shell.home / "nothing", *words)
        assert told in done.stderr.decode(), words
        assert done.returncode == code, words
    assert not work.exists()
    assert shell.json("tasks")["tasks"] == []


def test_a_wrong_password_is_125_and_leaves_nothing(shell: Shell, work: Path) -> None:
    shell.password_file.write_text("wrong\n")
    for how in ((), ("--private",)):
        done = run_program(run(shell, *how, "--", "true"))
        assert done.returncode == 125
        assert b"Password incorrect" in done.stderr
        assert not os.listdir(work)
    assert shell.json("tasks")["tasks"] == []
    assert list(default_paths().tasks_dir.iterdir()) == []


def test_signals_and_limits_end_a_task_with_their_own_exit_codes(shell: Shell, work: Path) -> None:
    shell.unlock()
    assert run_program(run(shell, "--", "sh", "-c", "kill -9 $$")).returncode == 128 + 9
    done = run_program(run(shell, "--limit", "time=1s", "--", "sleep", "60"))
    assert done.returncode == 128 + signal.SIGTERM
    assert b"its time was up" in done.stderr
    (late, killed) = shell.json("tasks")["tasks"]
    assert (late["timed_out"], killed["signal"]) == (True, 9)


def test_input_reaches_an_interactive_task_and_no_other(shell: Shell, work: Path) -> None:
    shell.unlock()
    for option, expected in ((("-i",), b"hello"), ((), b"")):
        done = subprocess.run(
            run(shell, *option, "--", "cat"), input=b"hello", capture_output=True, timeout=30
        )
        assert (done.returncode, done.stdout) == (0, expected)


def test_output_is_passed_on_whole_and_a_reader_that_goes_ends_the_task(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    size = 5_000_000
    done = run_program(run(shell, "--", "head", "-c", str(size), "/dev/zero"))
    assert done.stdout == bytes(size)
    with subprocess.Popen(run(shell, "--", "yes"), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"y\n"
        process.stdout.close()
        assert process.wait(30) == 128 + signal.SIGPIPE
    assert shell.json("tasks")["tasks"][0]["state"] == "ended"


def test_ctrl_c_goes_to_the_command_and_the_second_one_ends_it(shell: Shell, work: Path) -> None:
    script = "trap 'echo caught' INT; echo ready; while :; do sleep 60 & wait; done"
    with subprocess.Popen(
        run(shell, "--grace", "1s", "--", "sh", "-c", script), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"caught\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert shell.state() == "locked"


def test_a_vault_is_locked_again_when_run_itself_is_killed(shell: Shell, work: Path) -> None:
    with subprocess.Popen(
        run(shell, "--", "sh", "-c", "echo ready; exec sleep 60"), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.kill()
    # The task goes on, and a front end that comes later knows it.
    assert shell.state() == "open"
    (task,) = shell.json("tasks")["tasks"]
    assert task["state"] == "running"
    stopped = shell.json("tasks", "stop", task["id"])["task"]
    assert (stopped["state"], stopped["stopped"], stopped["exit_code"]) == ("ended", True, 143)
    wait_until(lambda: shell.state() == "locked", 20, "it is locked again")


def test_unlocking_a_vault_that_is_open_for_a_task_makes_it_stay(shell: Shell, work: Path) -> None:
    done = shell(
        "run", "Work", "--password-file", str(shell.password_file), "-d", "--", "sleep", "60"
    )
    task = done.check().text.strip()
    assert shell.json("status", "Work")["vaults"][0]["state"] == "open"
    busy = shell("lock", "Work")
    assert busy.returncode == 47
    assert "sleep" in busy.stderr.decode()
    shell("unlock", "Work").check()
    shell("tasks", "stop", task, "--now").check()
    assert shell.state() == "open"


def test_a_task_is_followed_by_another_front_end(shell: Shell, work: Path) -> None:
    shell.unlock()
    fifo = shell.home / "fifo"
    os.mkfifo(fifo)
    script = f"echo one; echo two >&2; cat {fifo}; exit 5"
    task = shell("run", "Work", "-d", "--title", "Reader", "--", "sh", "-c", script).text.strip()
    with subprocess.Popen(
        (program("vaultui"), "tasks", "follow", task[:6]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == b"one\n"
        fifo.write_text("three, without an end of line")
        assert follower.stdout.read() == b"three, without an end of line"
        assert follower.wait(30) == 5
        assert follower.stderr is not None
        assert follower.stderr.read() == b"two\n"
    listed = shell("tasks").text
    assert "Reader" in listed
    assert "exit code 5" in listed
    assert "sh -c" in shell("tasks", "show", task).text
    assert shell.json("tasks", "clear")["cleared"] == 1
    assert shell("tasks", "show", task).returncode == 125


def test_a_saved_task_runs_by_its_name_and_is_changed_by_options(shell: Shell, work: Path) -> None:
    words = ("--private", "--env", "WHO=you and me", "--", "echo", "${VAULT_NAME}", "${WHO}")
    shell("tasks", "save", "Work", "Greet", *words).check()
    (saved,) = shell.json("tasks")["saved"]
    assert (saved["vault"], saved["task"], saved["private"]) == ("Work", "Greet", True)
    assert (saved["command"], saved["env"]) == ("echo ${VAULT_NAME} ${WHO}", {"WHO": "you and me"})
    done = run_program(run(shell, "Greet"))
    assert done.check().stdout == b"Work you and me\n"
    assert run_program(run(shell, "Greet", "--env", "WHO=them")).stdout == b"Work them\n"
    assert "Greet" in shell("tasks").text
    shell("tasks", "remove", "Work", "Greet").check()
    assert shell("run", "Work", "Greet").returncode == 125


def test_a_read_only_run_cannot_write(shell: Shell, work: Path) -> None:
    done = run_program(run(shell, "--read-only", "--", "touch", "${VAULT_MOUNT}/here"))
    assert done.returncode == 1
    assert b"Read-only file system" in done.stderr


def test_a_read_only_run_cannot_write_to_a_vault_that_is_open(shell: Shell, work: Path) -> None:
    shell.unlock()
    (work / "there").write_text("before")
    script = 'cat "$VAULT_MOUNT/there"; echo after > "$VAULT_MOUNT/there"'
    done = run_program(run(shell, "--read-only", "--", "sh", "-c", script))
    assert (done.returncode, done.stdout) == (2, b"before")
    assert b"Read-only file system" in done.stderr
    (work / "there").write_text("others still can")
    assert shell.state() == "open"


def test_the_environment_and_the_arguments_of_a_task_are_in_no_log(
    shell: Shell, work: Path
) -> None:
    run_program(run(shell, "--env", "KEY=hunted-env", "--", "echo", "hunted-word")).check()
    written = b"".join(
        path.read_bytes()
        for path in shell.home.rglob("*")
        if path.is_file() and "tasks" not in path.parts
    )
    assert b"hunted" not in written
    (record,) = default_paths().tasks_dir.rglob("task.json")
    assert "hunted-word" in record.read_text()
    assert "hunted-env" not in record.read_text()
    assert record.stat().st_mode & 0o777 == 0o600


def test_two_tasks_share_a_vault_that_is_open_for_both(shell: Shell, work: Path) -> None:
    first = shell(
        "run", "Work", "--password-file", str(shell.password_file), "-d", "--", "sleep", "60"
    ).text.strip()
    assert run_program(run(shell, "--", "true")).returncode == 0
    assert shell.state() == "open"
    shell("tasks", "stop", first).check()
    wait_until(lambda: shell.state() == "locked", 20, "it is locked again")


def test_a_panic_ends_a_task_that_has_a_vault_for_itself(shell: Shell, work: Path) -> None:
    script = 'echo secret > "$VAULT_MOUNT/note"; echo ready; exec sleep 60'
    with subprocess.Popen(
        run(shell, "--private", "--", "sh", "-c", script), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        (vault,) = shell.json("panic", "--yes")["vaults"]
        assert (vault["name"], vault["already"]) == ("Work", False)
        assert process.wait(30) > 128


def test_a_vault_that_gocryptfs_has_opened_is_run_against_as_it_is(
    shell: Shell, work: Path, volume: RealVolume, tmp_path: Path
) -> None:
    point = tmp_path / "elsewhere"
    volume.mount(point)
    try:
        done = shell(
            "run", "Work", "--", "sh", "-c", 'echo "$VAULT_MOUNT"; echo a > "$VAULT_MOUNT/a"'
        )
        assert done.check().text == f"{point}\n"
        assert (point / "a").read_text() == "a\n"
    finally:
        detach(point)
