"""Conflict copies of a sync client: in the mount, in the list, in a check."""

from __future__ import annotations

from pathlib import Path

from capabilities import needs
from shelltwin import RealVolume, Shell
from support import Gocryptfs, Vaultfs

pytestmark = needs("fuse", "gocryptfs")

MARK = ".sync-conflict-20260131-120000-ABCDEFG"
SHOWN = f"report{MARK}.odt"


def make_copy(shell: Shell, volume: RealVolume, folder: Path) -> None:
    """Do what Syncthing does with the other version of a file."""
    (folder / "report.odt").write_bytes(b"mine")
    (folder / "theirs").write_bytes(b"theirs")
    paths = [
        volume.cipherdir / shell.json("path", "Work", name)["cipher"]
        for name in ("report.odt", "theirs")
    ]
    paths[1].rename(paths[0].with_name(paths[0].name + MARK))


def test_a_conflict_copy_is_shown_listed_and_merged(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    shell.unlock()
    assert shell.json("conflicts", "Work")["count"] == 0
    assert b"no conflict copies" in shell("conflicts", "Work").check().stdout
    make_copy(shell, volume, work)
    found = shell.json("conflicts", "Work")
    (copy,) = found["conflict_copies"]
    assert (found["count"], copy["path"], copy["original"]) == (1, SHOWN, "report.odt")
    assert (volume.cipherdir / copy["cipher_path"]).exists()
    done = shell("conflicts", "Work").check()
    assert done.stdout.decode() == f"conflict copy: {SHOWN} (of report.odt)\n"
    assert (work / SHOWN).read_bytes() == b"theirs"
    words = ("check", "Work", "--password-file", str(shell.password_file))
    (work / SHOWN).replace(work / "report.odt")
    assert shell.json("conflicts", "Work")["count"] == 0
    shell("lock", "Work").check()
    assert shell.json(*words)["conflict_copies"] == []
    with Gocryptfs(
        shell.home, password=shell.password_file.read_bytes()[:-1], cipherdir=volume.cipherdir
    ) as theirs:
        assert (theirs.mountpoint / "report.odt").read_bytes() == b"theirs"


def test_a_check_lists_a_conflict_copy_and_is_content(
    shell: Shell, work: Path, volume: RealVolume
) -> None:
    shell.unlock()
    make_copy(shell, volume, work)
    shell("lock", "Work").check()
    words = ("check", "Work", "--password-file", str(shell.password_file))
    report = shell.json(*words)
    assert (report["damage"], report["copies"], report["files"]) == ([], 1, 2)
    assert report["conflict_copies"][0]["path"] == SHOWN
    assert f"conflict copy: {SHOWN}" in shell(*words).check().stdout.decode()


def test_vaultfs_lists_what_gocryptfs_lists_unless_copies_are_asked_for(tmp_path: Path) -> None:
    with Gocryptfs(tmp_path) as volume:
        (volume.mountpoint / "report.odt").write_bytes(b"mine")
    (entry,) = (
        path for path in volume.cipherdir.iterdir() if not path.name.startswith("gocryptfs.")
    )
    entry.with_name(entry.name + MARK).write_bytes(entry.read_bytes())
    for program, options, names in (
        (Gocryptfs, (), {"report.odt"}),
        (Vaultfs, (), {"report.odt"}),
        (Vaultfs, ("-conflict-copies",), {"report.odt", SHOWN}),
    ):
        with volume.by(program, mount_options=options) as mounted:
            assert {path.name for path in mounted.mountpoint.iterdir()} == names
    checked = volume.by(Vaultfs).fsck().check()
    assert f'fsck: conflict copy "{SHOWN}": of "report.odt"' in checked.stdout.decode()
    assert checked.stdout.decode().endswith("fsck summary: no problems found\n")
