"""The whole path on real mounts: a volume of the real gocryptfs, opened and closed by the verbs."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import RealVolume, Shell
from support import detach, mountpoints_below, program, run_program, wait_until

pytestmark = needs("fuse", "gocryptfs")


def test_a_real_vault_is_worked_in_and_read_back_by_the_real_program(
    shell: Shell, volume: RealVolume, work: Path, tmp_path: Path
) -> None:
    content = os.urandom(300_001)
    assert shell.unlock()["already"] is False
    (work / "sub").mkdir()
    (work / "sub" / ("n" * 200)).write_bytes(content)
    (work / "link").symlink_to("sub")
    shell("lock", "Work").check()
    assert shell.state() == "locked"
    plain = tmp_path / "plain"
    volume.mount(plain)
    try:
        found = (plain / "link" / ("n" * 200)).read_bytes()
        assert hashlib.sha256(found).digest() == hashlib.sha256(content).digest()
        (plain / "from-gocryptfs").write_text("hello")
    finally:
        detach(plain)
    shell.unlock()
    assert (work / "from-gocryptfs").read_text() == "hello"


def test_the_option_unlock_does_as_the_verb(shell: Shell, work: Path) -> None:
    done = shell("--unlock", "Work", "--password-file", shell.password_file).check()
    assert done.stdout == b"Work is open at ~/Vaults/Work.\n"
    assert shell.state() == "open"
    again = shell.json("--unlock=Work")
    assert again["already"] is True


def test_status_tells_programs_everything(shell: Shell, volume: RealVolume, work: Path) -> None:
    shell.unlock("Work", "--idle", "15m")
    with (work / "file").open("w"):
        vault = shell.status()
    assert vault["name"] == "Work"
    assert vault["state"] == "open"
    assert vault["cipherdir"] == str(volume.cipherdir)
    assert vault["mountpoint"] == str(work)
    assert vault["idle_timeout_s"] == 900
    assert vault["idle_left_s"] is None or 890 < vault["idle_left_s"] <= 900
    assert vault["open_files"] == 1
    for key in ("backend_pid", "keeper_pid"):
        assert Path(f"/proc/{vault[key]}").exists()
    shell("lock", "Work").check()
    vault = shell.status()
    assert (vault["backend_pid"], vault["open_files"], vault["state"]) == (None, None, "locked")


def test_unlocking_an_open_vault_is_a_success_and_needs_no_password(
    shell: Shell, work: Path
) -> None:
    before = shell.unlock()["vault"]["backend_pid"]
    again = shell.json("unlock", "Work")
    assert again["already"] is True
    assert again["vault"]["backend_pid"] == before


def test_two_unlocks_at_once_end_in_one_mount(shell: Shell, work: Path) -> None:
    words = (program("vaultui"), "unlock", "Work", "--password-file", str(shell.password_file))
    both = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(2)]
    told = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(b"already" in text for text in told) == [False, True]
    assert mountpoints_below(work) == [str(work)]


def test_locking_a_locked_vault_is_a_success(shell: Shell, work: Path) -> None:
    (result,) = shell.json("lock", "Work")["vaults"]
    assert result == {"name": "Work", "already": True, "detached": False}


def test_lock_all_closes_what_is_open(shell: Shell, work: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.c"
    shell("create", other, "--name", "Other", "--password-file", shell.password_file).check()
    shell.unlock("Work")
    shell.unlock("Other")
    results = shell.json("lock", "--all")["vaults"]
    assert [result["name"] for result in results] == ["Work", "Other"]
    assert mountpoints_below(shell.home) == []
    assert shell("lock", "--all").check().stdout == b"No vault is open.\n"


def test_a_read_only_unlock_refuses_writes(shell: Shell, work: Path) -> None:
    assert shell.unlock("Work", "--read-only")["vault"]["read_only"] is True
    with pytest.raises(OSError, match="Read-only"):
        (work / "file").touch()


def test_one_unlock_can_go_to_another_mount_point(shell: Shell, work: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    vault = shell.unlock("Work", "--mountpoint", str(elsewhere))["vault"]
    assert vault["mountpoint"] == str(elsewhere)
    assert shell.status()["mountpoint"] == str(elsewhere)
    assert shell("locate", "mount", "Work").check().stdout == os.fsencode(elsewhere) + b"\n"
    shell("locate", "mount").check(1)
    shell("lock", "Work").check()
    assert mountpoints_below(elsewhere) == []
    assert elsewhere.stat().st_mode & 0o200, "a place for one time is not guarded for good"


def test_the_log_of_a_vault_can_be_located(shell: Shell, work: Path) -> None:
    shell.unlock()
    log = shell("locate", "log", "Work").check().stdout.decode().strip()
    wait_until(lambda: Path(log).is_file(), what="the keeper has made the log")


def test_strange_names_and_paths_open_as_well(shell: Shell, tmp_path: Path) -> None:
    cipherdir = tmp_path / os.fsdecode("Ü, a\\b \udcff#".encode("utf-8", "surrogateescape"))
    name = "写, \\ $HOME; `x`"
    shell("create", cipherdir, "--name", name, "--password-file", shell.password_file).check()
    vault = shell.unlock(name)["vault"]
    Path(vault["mountpoint"], "file").write_text("here")
    assert shell.state(name) == "open"
    assert vault["cipherdir"] == str(cipherdir)
    shell("lock", name).check()
    assert shell.state(name) == "locked"


def test_a_vault_that_the_real_program_has_open_is_shown_and_locked(
    shell: Shell, volume: RealVolume, work: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    volume.mount(plain)
    vault = shell.status()
    assert (vault["state"], vault["mountpoint"]) == ("open", str(plain))
    assert "gocryptfs" in vault["explanation"]
    assert shell.unlock()["already"] is True
    shell("lock", "Work").check()
    assert mountpoints_below(plain) == []


def test_nothing_is_left_behind_by_a_lock(shell: Shell, work: Path) -> None:
    pids = [shell.unlock()["vault"][key] for key in ("backend_pid", "keeper_pid")]
    shell("lock", "Work").check()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), what="both ended")
    run_program(("fusermount3", "-u", work)).check(1)
