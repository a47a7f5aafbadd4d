"""`create` makes the directory of a new vault, and takes it away again when nothing came of it."""

from __future__ import annotations

from pathlib import Path

from shelltwin import Shell


def test_a_new_vault_may_name_a_directory_that_is_not_there_yet(
    shell: Shell, tmp_path: Path
) -> None:
    cipherdir = tmp_path / "new.c"
    shell("create", cipherdir, "--name", "New", "--password-file", shell.password_file).check()
    assert cipherdir.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in cipherdir.iterdir()} == {"gocryptfs.conf", "gocryptfs.diriv"}


def test_a_missing_drive_is_not_replaced_by_a_folder(shell: Shell, tmp_path: Path) -> None:
    cipherdir = tmp_path / "drive" / "new.c"
    error = shell.error("create", cipherdir, "--password-file", shell.password_file)
    assert error["code"] == "cipherdir-missing"
    assert not cipherdir.parent.exists()


def test_a_directory_is_taken_away_again_when_the_vault_is_not_made(
    shell: Shell, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    cipherdir = tmp_path / "new.c"
    assert shell.error("create", cipherdir, "--password-file", empty)["code"] == "password-empty"
    assert not cipherdir.exists()
