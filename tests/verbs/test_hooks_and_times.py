"""Hooks and a set time, from the settings and the options to the end of a real mount."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from capabilities import needs
from shelltwin import Shell
from support import wait_until

pytestmark = needs("fuse", "gocryptfs")


def set_hook(shell: Shell, key: str, command: str) -> None:
    shell("settings", "set", key, command, "--vault", "Work").check()


def test_hooks_are_run_when_the_vault_is_open_and_before_it_is_locked(
    shell: Shell, work: Path, tmp_path: Path
) -> None:
    set_hook(shell, "after_unlock", 'echo open > "$VAULT_MOUNT/state"')
    set_hook(shell, "before_lock", f'cp "$VAULT_MOUNT/state" {tmp_path}/copy')
    shell.unlock()
    wait_until((work / "state").exists)
    shell("lock", "Work").check()
    assert (tmp_path / "copy").read_text() == "open\n"


def test_a_hook_that_fails_is_told_and_can_be_done_without(shell: Shell, work: Path) -> None:
    set_hook(shell, "before_lock", "echo 'the disk is full' >&2; exit 4")
    shell.unlock()
    refused = shell("lock", "Work")
    assert refused.returncode == 55
    assert b"exit code 4: the disk is full" in refused.stderr
    assert b"vaultui lock Work --skip-hooks" in refused.stderr
    assert shell.state() == "open"
    assert shell("lock", "Work", "--lazy").returncode == 55
    shell("lock", "Work", "--skip-hooks").check()
    assert shell.state() == "locked"
    assert b"a hook failed" in shell("activity", "Work").stdout


def test_a_panic_asks_no_hook(shell: Shell, work: Path, tmp_path: Path) -> None:
    set_hook(shell, "before_lock", f": > {tmp_path}/run; exit 1")
    shell.unlock()
    shell("panic", "--yes").check()
    assert shell.state() == "locked"
    assert not (tmp_path / "run").exists()


def test_a_vault_is_open_for_as_long_as_was_said(shell: Shell, work: Path) -> None:
    begun = time.time()
    opened = shell.unlock("Work", "--for", "30m")["vault"]
    assert 1790 < opened["closes_at"] - begun < 1830
    told = shell("unlock", "Work", "--for", "2s").check().stdout.decode()
    assert "Work is already open at ~/Vaults/Work, until " in told
    wait_until(lambda: shell.state() == "locked", 20)
    assert b"because its time was over" in shell("activity", "Work").stdout


def test_an_open_vault_is_told_until_when_or_for_ever(shell: Shell, work: Path) -> None:
    shell.unlock("Work", "--until", "2036-12-24 18:00")
    assert time.localtime(shell.status()["closes_at"] + 1)[:5] == (2036, 12, 24, 18, 0)
    assert b"until 2036-12-24 18:00" in shell("unlock", "Work").check().stdout
    assert shell.unlock("Work", "--for", "never")["vault"]["closes_at"] is None


@pytest.mark.parametrize("options", [("--until", "6pm"), ("--for", "30")])
def test_a_slip_in_a_time_is_told_before_any_password_is_asked_for(
    shell: Shell, work: Path, options: tuple[str, str]
) -> None:
    done = shell("unlock", "Work", *options)
    assert done.returncode == 1
    assert options[1].encode() in done.stderr


def test_a_vault_of_the_settings_locks_itself_when_its_time_is_over(
    shell: Shell, work: Path
) -> None:
    shell("settings", "set", "open_for", "2s", "--vault", "Work").check()
    shell.unlock()
    wait_until(lambda: shell.state() == "locked", 20)
