"""Names of vaults: what can be one, and that no two vaults share a place."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from capabilities import needs
from unanswered import unanswered

from vaultui.model.errors import VaultExists, VaultNameInvalid
from vaultui.model.ids import VaultId
from vaultui.vaults.entry import VaultEntry, check_name, check_unique


@pytest.mark.parametrize("name", ["Work", "Ü, a\\b", "写真 2024", "a" * 64, "x=y; rm"])
def test_a_printable_name_is_accepted(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("a" * 65, "65 characters"),
        ("a/b", "slash"),
        ("-rf", "dash"),
        ("..", "directory"),
        (" a", "space"),
        ("a\nb", "printed"),
        ("a\x1b[2J", "printed"),
        ("\u202egnp", "printed"),
        (os.fsdecode(b"\xff"), "printed"),
    ],
)
def test_a_name_that_would_break_something_is_refused(name: str, reason: str) -> None:
    with pytest.raises(VaultNameInvalid) as refused:
        check_name(name)
    assert reason in refused.value.summary


def test_two_vaults_share_neither_name_nor_place(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "c")
    known = [_entry("Work", tmp_path / "c", tmp_path / "m")]
    for other, shared in (
        (_entry("Work", tmp_path / "d", tmp_path / "n"), "name"),
        (_entry("Other", tmp_path / "c", tmp_path / "n"), "directory"),
        (_entry("Other", tmp_path / "link", tmp_path / "n"), "directory"),
        (_entry("Work", tmp_path / "c", tmp_path / "m"), "directory"),
        (_entry("Other", tmp_path / "d", tmp_path / "m"), "mount point"),
    ):
        with pytest.raises(VaultExists) as refused:
            check_unique(other, known)
        # Another name is no cure for a directory that is in the list already.
        assert refused.value.hint == f"Use that vault, or choose another {shared}."
    check_unique(_entry("Other", tmp_path / "d", tmp_path / "n"), known)


def _entry(name: str, cipherdir: Path, mountpoint: Path) -> VaultEntry:
    return VaultEntry(VaultId("0" * 16), name, str(cipherdir), str(mountpoint))


@needs("fuse", "root")
def test_no_vault_is_added_or_found_later_because_the_drive_of_another_hangs(
    tmp_path: Path,
) -> None:
    drive = tmp_path / "drive"
    script = """
import sys
from pathlib import Path
from vaultui.vaults.discovery import discover
from vaultui.vaults.entry import VaultEntry, check_unique
base = sys.argv[1]
hung = VaultEntry("a", "Hung", f"{base}/link/work.c", f"{base}/m")
check_unique(VaultEntry("b", "New", f"{base}/new.c", f"{base}/n"), [hung])
print(discover([hung.cipherdir], [Path(base)]))
"""
    (tmp_path / "link").symlink_to("drive")
    with unanswered(drive, "fuse.other", "elsewhere"):
        done = subprocess.run(
            (sys.executable, "-c", script, tmp_path), capture_output=True, timeout=20, check=True
        )
    assert done.stdout == b"[]\n"
