"""Vaults that are opened without anybody: in the foreground of a service manager, at login, when
their drive comes, and by the timer of a task."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from capabilities import needs
from desktopbus import desktop
from programs import exit_code, run_program
from secretservice import gnome_keyring
from shelltwin import RealVolume, Shell
from support import program, wait_until
from usermanager import UserManager, user_manager

pytestmark = needs("fuse", "gocryptfs")


@pytest.fixture
def notified(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Return a socket on which a service manager would hear of us."""
    place = home / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(place))
        listening.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(place))
        yield listening


@contextmanager
def foreground(shell: Shell, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    words = ("unlock", "Work", "--foreground", "--password-file", str(shell.password_file))
    with subprocess.Popen(
        (program("vaultui"), *words, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def told(notified: socket.socket) -> list[str]:
    return notified.recv(4096).decode().splitlines()


def test_in_the_foreground_it_is_ready_when_the_vault_is_open_and_ends_when_it_is_locked(
    shell: Shell, work: Path, notified: socket.socket
) -> None:
    with foreground(shell) as running:
        assert told(notified) == ["READY=1", "STATUS=Work is open at ~/Vaults/Work."]
        assert shell.state() == "open"
        shell("lock", "Work").check()
        assert exit_code(running) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_it_locks(
    shell: Shell, work: Path, notified: socket.socket, number: signal.Signals
) -> None:
    with foreground(shell) as running:
        told(notified)
        running.send_signal(number)
        assert told(notified) == ["STOPPING=1"]
        assert exit_code(running) == 0
    assert shell.state() == "locked"


def test_told_to_end_it_takes_a_vault_in_use_out_of_sight_and_says_who_used_it(
    shell: Shell, work: Path, notified: socket.socket
) -> None:
    with foreground(shell) as running:
        told(notified)
        with (work / "file").open("w"):
            running.terminate()
            assert exit_code(running) == 0
            assert not os.path.ismount(work)
        assert running.stderr is not None
        assert b"is in use by" in running.stderr.read()


def test_a_backend_that_is_killed_is_a_failure(
    shell: Shell, work: Path, notified: socket.socket
) -> None:
    with foreground(shell) as running:
        told(notified)
        os.kill(shell.status()["backend_pid"], signal.SIGKILL)
        assert exit_code(running) == 45
    shell("repair", "Work").check()


def test_it_waits_for_the_drive_and_opens_the_vault_when_that_is_there(
    shell: Shell, volume: RealVolume, work: Path, notified: socket.socket, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    volume.cipherdir.rename(away)
    with foreground(shell, "--when-there") as running:
        assert told(notified)[0].startswith("STATUS=Waiting for ")
        # An empty mount point is no drive yet.
        volume.cipherdir.mkdir()
        assert running.poll() is None
        volume.cipherdir.rmdir()
        away.rename(volume.cipherdir)
        assert told(notified)[0] == "READY=1"
        running.terminate()
        assert exit_code(running) == 0


@needs("root")
def test_it_notices_that_the_drive_was_mounted(
    shell: Shell, volume: RealVolume, work: Path, notified: socket.socket, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    volume.cipherdir.rename(away)
    volume.cipherdir.mkdir()
    with foreground(shell, "--when-there") as running:
        told(notified)
        subprocess.run(("mount", "--bind", away, volume.cipherdir), check=True)
        try:
            assert told(notified)[0] == "READY=1"
            running.terminate()
            assert exit_code(running) == 0
        finally:
            subprocess.run(("umount", volume.cipherdir), check=True)


def test_told_to_end_while_it_waits_it_ends(
    shell: Shell, volume: RealVolume, work: Path, notified: socket.socket, tmp_path: Path
) -> None:
    volume.cipherdir.rename(tmp_path / "away")
    with foreground(shell, "--when-there") as running:
        told(notified)
        running.terminate()
        assert exit_code(running) == 15


def test_the_foreground_is_for_one_vault(shell: Shell, work: Path) -> None:
    assert shell("unlock", "Work", "Other", "--foreground").returncode == 1


# -- systemd ------------------------------------------------------------------------------


@pytest.fixture
def manager(home: Path, tmp_path: Path) -> Iterator[UserManager]:
    """Run a systemd for the user of the test."""
    with user_manager(tmp_path) as made:
        yield made


@pytest.fixture
def by_key_file(shell: Shell, work: Path, tmp_path: Path) -> None:
    """Have the vault open without anybody being asked."""
    key_file = tmp_path / "work.key"
    given = ("--password-file", shell.password_file)
    shell("slots", "Work", "add", "--make-key-file", key_file, *given).check()
    shell("settings", "set", "key_file", key_file, "--vault", "Work").check()


def units(home: Path) -> Path:
    return home / ".config" / "systemd" / "user"


def files(home: Path) -> list[str]:
    top = units(home)
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())


def test_a_unit_for_login_is_written_and_taken_away(shell: Shell, work: Path) -> None:
    assert shell.json("at-login", "Work") == {"name": "Work", "at_login": False}
    assert shell.json("at-login", "Work", "on")["at_login"]
    assert files(shell.home) == ["default.target.wants/vaultui@Work.service", "vaultui@.service"]
    assert b"is unlocked when you log in" in shell("at-login", "Work").check().stdout
    shell("settings", "set", "name", "Job", "--vault", "Work").check()
    assert files(shell.home) == ["default.target.wants/vaultui@Job.service", "vaultui@.service"]
    assert not shell.json("at-login", "Job", "off")["at_login"]
    assert files(shell.home) == ["vaultui@.service"]


@needs("systemd-analyze")
@pytest.mark.parametrize("name", ["50% of $HOME", 'a-b "c" \\ ü.'])
def test_systemd_finds_nothing_wrong_with_the_units_of_any_vault(
    shell: Shell, work: Path, name: str
) -> None:
    if name != "Work":
        shell("settings", "set", "name", name, "--vault", "Work").check()
    shell("at-login", name, "on").check()
    shell("tasks", "save", name, "It's 100% $X", "--", "true").check()
    shell("tasks", "schedule", name, "It's 100% $X", "Mon..Fri 18:00").check()
    found = [str(units(shell.home) / path) for path in files(shell.home)]
    done = run_program(("systemd-analyze", "--user", "--man=no", "verify", *found))
    assert [line for line in done.text.splitlines() if "vaultui" in line] == []
    assert len(found) == 5


@needs("systemd-analyze")
def test_when_a_task_is_run_is_listed_and_changed_and_goes_with_it(
    shell: Shell, work: Path
) -> None:
    shell("tasks", "save", "Work", "Backup", "--", "true").check()
    made = shell.json("tasks", "schedule", "Work", "Backup", "weekly")
    assert (made["task"], made["when"]) == ("Backup", "weekly")
    told = shell("tasks", "schedule", "Work", "Backup", "daily").check()
    assert "Its password has to be in the keyring: vaultui unlock Work --save" in told.text
    (saved,) = shell.json("tasks", "list")["saved"]
    assert (saved["task"], saved["when"]) == ("Backup", "daily")
    shell("settings", "set", "name", "Job", "--vault", "Work").check()
    assert shell.json("tasks", "list")["saved"][0]["when"] == "daily"
    service = next(path for path in files(shell.home) if path.endswith("Backup.service"))
    assert '"run" "Job" "Backup"' in (units(shell.home) / service).read_text()
    shell("tasks", "save", "Job", "Backup.old", "--", "true").check()
    shell("tasks", "schedule", "Job", "Backup.old", "weekly").check()
    shell("tasks", "remove", "Job", "Backup").check()
    assert [saved["when"] for saved in shell.json("tasks", "list")["saved"]] == ["weekly"]
    shell("tasks", "unschedule", "Job", "Backup.old").check()
    assert files(shell.home) == []
    assert shell.error("tasks", "unschedule", "Job", "Backup")["code"] == "task-not-scheduled"


@needs("systemd-analyze")
def test_a_time_that_systemd_does_not_know_is_refused(shell: Shell, work: Path) -> None:
    shell("tasks", "save", "Work", "Backup", "--", "true").check()
    error = shell.error("tasks", "schedule", "Work", "Backup", "now and then")
    assert error["code"] == "schedule-invalid"
    assert files(shell.home) == []


def test_a_task_that_is_not_saved_cannot_be_scheduled(shell: Shell, work: Path) -> None:
    assert shell.error("tasks", "schedule", "Work", "Backup", "daily")["code"] == (
        "saved-task-unknown"
    )


@needs("systemd-analyze")
@pytest.mark.parametrize("how", ["forget", "uninstall"])
def test_units_go_with_the_vault_and_with_the_application(
    shell: Shell, work: Path, how: str
) -> None:
    shell("at-login", "Work", "on").check()
    shell("tasks", "save", "Work", "Backup", "--", "true").check()
    shell("tasks", "schedule", "Work", "Backup", "daily").check()
    if how == "forget":
        shell("forget", "Work").check()
        assert files(shell.home) == ["vaultui@.service"]
    else:
        removed = shell.json("uninstall", "--yes")["files"]
        assert sum("systemd" in path for path in removed) == 5
        assert files(shell.home) == []


@needs("dbusmock")
@pytest.mark.parametrize("result", ["success", "exit-code"])
def test_a_task_that_fails_without_anybody_is_told_on_the_desktop(
    shell: Shell, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: str
) -> None:
    with desktop(tmp_path) as made:
        for name, value in made.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("SERVICE_RESULT", result)
        monkeypatch.setenv("EXIT_CODE", "exited")
        monkeypatch.setenv("EXIT_STATUS", "3")
        shell("tasks", "ended", "Work", "Backup").check()
        told = [(notice.summary, notice.body) for notice in made.notices()]
    failed = (
        "Backup of Work failed.",
        "systemd says: exited 3. `vaultui tasks` has what it wrote.",
    )
    assert told == ([] if result == "success" else [failed])


@needs("user-systemd", "gnome-keyring", "dbus")
def test_a_real_systemd_opens_the_vault_at_login_and_locks_it_at_logout(
    shell: Shell, work: Path, bus: None, tmp_path: Path
) -> None:
    vaultui, unit = program("vaultui"), "vaultui@Work.service"
    with gnome_keyring("login"):
        shell.unlock("Work", "--save")
        shell("lock", "Work").check()
        shell("at-login", "Work", "on").check()
        with user_manager(tmp_path) as manager:
            wait_until(lambda: manager.state(unit) == "active")
            assert "Work is open" in manager.systemctl("show", "-PStatusText", unit)
            assert b"open" in manager(vaultui, "status", "Work").stdout
            manager.systemctl("stop", unit)
            assert manager.state(unit) == "inactive"
            assert b"locked" in manager(vaultui, "status", "Work").stdout
            manager.systemctl("start", unit)
            manager(vaultui, "lock", "Work").check()
            wait_until(lambda: manager.state(unit) == "inactive")
            manager.systemctl("start", unit)
    assert shell.state() == "locked"
    # At logout, too, it was locked and not just ended.
    assert "  locked  " in shell("activity", "Work").stdout.decode().splitlines()[-1]


@needs("user-systemd", "systemd-analyze")
def test_a_real_systemd_runs_a_task_by_its_timer_and_the_vault_is_locked_afterwards(
    by_key_file: None, shell: Shell, manager: UserManager, tmp_path: Path
) -> None:
    script = f'touch "$VAULT_MOUNT/new"; ls "$VAULT_MOUNT" > {tmp_path}/ran'
    shell("tasks", "save", "Work", "Backup", "--", "sh", "-c", script).check()
    vaultui = program("vaultui")
    done = manager(vaultui, "tasks", "schedule", "Work", "Backup", "daily").check()
    assert b"Backup of Work is run: daily." in done.stdout
    (timer,) = (path.split("/")[1] for path in files(shell.home) if "wants" in path)
    assert manager.state(timer) == "active"
    service = manager.systemctl("show", "-PUnit", timer)
    manager.systemctl("start", service)
    assert manager.systemctl("show", "-PResult", service) == "success", manager.log
    assert (tmp_path / "ran").read_text() == "new\n"
    assert b"locked" in manager(vaultui, "status", "Work").stdout
    manager(vaultui, "tasks", "unschedule", "Work", "Backup").check()
    assert manager.state(timer) == "inactive"
