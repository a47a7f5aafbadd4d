"""delete, forget-password, uninstall and the copy of a config, as somebody types them."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from capabilities import needs
from secretservice import gnome_keyring
from shelltwin import PASSWORD, RealVolume, Shell
from support import program
from terminal import Terminal

from vaultui.cli.main import run
from vaultui.model.exitcodes import ExitCode
from vaultui.model.ids import VaultId
from vaultui.model.secret import Secret
from vaultui.vaults import VaultEntry, Vaults, keyringclient
from vaultui.vaults.deletion import Deletion
from vaultui.vaults.paths import default_paths

pytestmark = needs("fuse", "gocryptfs")


def test_a_vault_is_deleted_after_its_name_was_typed(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    with Terminal((program("vaultui"), "delete", "Work")) as terminal:
        terminal.wait_for("Type the name of the vault to delete it: ")
        assert "2 files and folders" in terminal.shown
        terminal.type("Work\n")
        assert terminal.wait() == 0
        assert "Work is deleted." in terminal.shown
    assert not volume.cipherdir.exists()
    assert shell.json("list") == {"vaults": []}


def test_the_log_of_a_deleted_vault_which_names_damaged_files_goes_with_it(
    shell: Shell, work: Path
) -> None:
    shell.unlock()
    shell("lock", "Work").check()
    logs = default_paths().log_dir
    (log,) = logs.iterdir()
    log.with_name(log.name + ".1").write_text("older")
    shell.json("delete", "Work", "--yes-delete", "Work")
    assert os.listdir(logs) == []


def test_what_tasks_wrote_goes_with_a_deleted_vault(shell: Shell, work: Path) -> None:
    shell.unlock()
    assert shell("run", "Work", "--", "ls").returncode == 0
    shell("lock", "Work").check()
    assert len(os.listdir(default_paths().tasks_dir)) == 1
    shell.json("delete", "Work", "--yes-delete", "Work")
    assert os.listdir(default_paths().tasks_dir) == []


def test_a_vault_that_a_private_task_uses_is_not_deleted_though_it_looks_locked(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    given = ("--password-file", shell.password_file, "--title", "Backup")
    started = shell("run", "-d", "Work", "--private", *given, "--", "sleep", "600").check()
    refused = shell("delete", "Work", "--yes-delete", "Work")
    assert refused.returncode == ExitCode.CIPHERDIR
    assert b"Backup, a private task" in refused.stderr
    assert (volume.cipherdir / "gocryptfs.conf").exists()
    shell("tasks", "stop", started.stdout.decode().strip()).check()
    shell("delete", "Work", "--yes-delete", "Work").check()


@pytest.mark.parametrize("typed", ["work", ""])
def test_another_name_deletes_nothing(
    shell: Shell, work: Path, volume: RealVolume, typed: str
) -> None:
    before = sorted(os.listdir(volume.cipherdir))
    with Terminal((program("vaultui"), "delete", "Work")) as terminal:
        terminal.wait_for("to delete it: ")
        terminal.type(typed + "\n")
        assert terminal.wait() == (6 if typed else 15)
    assert sorted(os.listdir(volume.cipherdir)) == before


def test_a_script_deletes_with_the_name_given_twice(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    assert shell.error("delete", "Work")["code"] == "usage"
    refused = shell.error("delete", "Work", "--yes-delete", "Photos")
    assert refused["code"] == "deletion-refused"
    (volume.cipherdir / "letter.txt").write_text("dear")
    done = shell.json("delete", "Work", "--yes-delete", "Work")
    assert (done["deleted"], done["left"]) == (2, ["letter.txt"])
    assert os.listdir(volume.cipherdir) == ["letter.txt"]


def test_an_interrupted_deletion_says_that_it_is_not_at_its_end_and_goes_on_later(
    shell: Shell,
    work: Path,
    volume: RealVolume,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    look = Deletion._clear

    def interrupted(deletion: Deletion, *arguments: Any, **named: Any) -> None:
        if not deletion._removing:
            look(deletion, *arguments, **named)
            return
        os.kill(os.getpid(), signal.SIGINT)
        assert deletion._given_up.wait(20)

    monkeypatch.setattr(Deletion, "_clear", interrupted)
    words = ("delete", "Work", "--yes-delete", "Work")
    assert run(words, lambda _ascii: 0) == 11
    assert "something is left" in capsys.readouterr().err
    assert os.listdir(volume.cipherdir) == ["gocryptfs.diriv"]
    shell(*words).check()
    assert not volume.cipherdir.exists()


def test_an_open_vault_is_not_deleted(shell: Shell, work: Path, volume: RealVolume) -> None:
    shell.unlock()
    assert shell.error("delete", "Work", "--yes-delete", "Work")["code"] == "already-open"
    assert (volume.cipherdir / "gocryptfs.conf").exists()


def test_a_vault_that_another_program_has_open_is_not_deleted(
    shell: Shell, work: Path, volume: RealVolume, tmp_path: Path
) -> None:
    volume.mount(tmp_path / "elsewhere")
    error = shell.error("delete", "Work", "--yes-delete", "Work")
    assert error["code"] in {"already-open", "deletion-refused"}
    assert (volume.cipherdir / "gocryptfs.conf").exists()


def test_the_copy_of_a_config_opens_the_vault_when_its_own_is_lost(
    shell: Shell, work: Path, volume: RealVolume, tmp_path: Path
) -> None:
    copy = tmp_path / "work.conf"
    done = shell.json("info", "Work", "--export-config", copy)
    assert done["file"] == str(copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert shell.error("info", "Work", "--export-config", copy)["code"] == "file-not-made"
    (volume.cipherdir / "gocryptfs.conf").unlink()
    assert shell.error("unlock", "Work", "--password-file", shell.password_file)
    shell("settings", "set", "config", copy, "--vault", "Work").check()
    shell.unlock()


@needs("gnome-keyring", "dbus")
def test_a_saved_password_is_forgotten_and_uninstalling_takes_back_the_rest(
    shell: Shell, work: Path, bus: None
) -> None:
    def save() -> None:
        with Secret(bytearray(PASSWORD.encode())) as password:
            asyncio.run(Vaults.open().keyring.save("Work", password))

    gone = VaultEntry(VaultId("f" * 16), "Gone", "/c", "/m")
    with gnome_keyring("login"), Secret(bytearray(b"x")) as password:
        asyncio.run(keyringclient.save(gone, password, 20.0))
        save()
        assert "is deleted" in shell("forget-password", "Work").check().text
        assert "No password" in shell("forget-password", "Work").check().text
        save()
        installed = shell.json("install-desktop")["files"]
        done = shell.json("uninstall", "--yes")
    assert sorted(done["files"]) == sorted(installed)
    assert (done["saved_passwords"], done["other_saved_passwords"]) == (["Work"], 1)
    assert not any(Path(file).exists() for file in installed)
    assert [vault["name"] for vault in shell.json("list")["vaults"]] == ["Work"]
    assert default_paths().config_file.exists()
