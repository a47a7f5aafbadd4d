"""Deleting a volume's files: all of them, and not one of anybody else's."""

from __future__ import annotations

import errno
import json
import os
import resource
from pathlib import Path

import pytest
from capabilities import needs
from exampletree import unpack
from ordinaryuser import let_others_in, run_as_user
from support import detach, run_program

from vaultui.model.ids import VaultId
from vaultui.vaults.deletion import Deletion, refusal
from vaultui.vaults.entry import VaultEntry

VOLUMES = Path(__file__).parents[2] / "vectors" / "volumes"
FORWARD = [
    path.name.removesuffix(".tar.gz")
    for path in sorted(VOLUMES.glob("*.tar.gz"))
    if not path.name.startswith("reverse")
]


def entry_of(cipherdir: Path) -> VaultEntry:
    return VaultEntry(VaultId("0" * 16), "Work", str(cipherdir), "/mnt/work")


def deletion(cipherdir: Path) -> Deletion:
    flags = json.loads((cipherdir / "gocryptfs.conf").read_bytes())["FeatureFlags"]
    return Deletion(
        entry_of(cipherdir), plain_names="PlaintextNames" in flags, dir_ivs="DirIV" in flags
    )


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def cipherdir(tmp_path: Path) -> Path:
    return unpacked(tmp_path, "default")


def unpacked(tmp_path: Path, name: str) -> Path:
    folder = tmp_path / "work.c"
    folder.mkdir()
    unpack(VOLUMES / f"{name}.tar.gz", folder)
    return folder


@pytest.mark.parametrize("flavour", FORWARD)
def test_a_volume_of_every_kind_is_deleted_whole(tmp_path: Path, flavour: str) -> None:
    cipherdir = unpacked(tmp_path, flavour)
    count = len(everything_in(cipherdir))
    scope = deletion(cipherdir).survey()
    assert (scope.entries, scope.left_count) == (count, 0)
    assert len(everything_in(cipherdir)) == count
    assert deletion(cipherdir).remove() == scope
    assert not cipherdir.exists()


def test_copies_of_sync_clients_and_of_killed_writers_go_too(cipherdir: Path) -> None:
    a_file = next(path for path in cipherdir.iterdir() if path.is_file() and len(path.name) == 22)
    for name in (
        f"{a_file.name}.sync-conflict-20260131-120000-ABCDEFG",
        f"{a_file.name} (conflicted copy 2026-01-31 120000)",
    ):
        (cipherdir / name).write_bytes(a_file.read_bytes())
    for name in (
        "gocryptfs.sync-conflict-20260131-120000-ABCDEFG.conf",
        "gocryptfs.conf.bak",
        ".gocryptfs.conf.0123456789ab.tmp",
    ):
        (cipherdir / name).write_bytes((cipherdir / "gocryptfs.conf").read_bytes())
    assert deletion(cipherdir).remove().left_count == 0
    assert not cipherdir.exists()


def test_what_is_not_of_the_volume_stays_and_is_told(cipherdir: Path) -> None:
    mine = {
        ".stfolder/x": "",
        "letter.txt": "dear",
        # Names that could be encrypted ones, of a file and of a directory that are not.
        "A" * 22: "plain text",
        "B" * 21 + "A/" + "C" * 21 + "A": "plain text",
        "gocryptfs.longname." + "D" * 43: "plain text",
        "gocryptfs.diriv.txt": "plain text",
    }
    for name, text in mine.items():
        (cipherdir / name).parent.mkdir(exist_ok=True)
        (cipherdir / name).write_text(text)
    done = deletion(cipherdir).remove()
    left = {name: (cipherdir / name).read_text() for name in mine}
    assert left == mine
    assert {path.name for path in cipherdir.iterdir()} == {Path(n).parts[0] for n in mine}
    assert done.left_count == len(mine)
    assert ".stfolder" in done.left


def test_in_a_volume_with_plain_names_files_are_told_by_their_content(tmp_path: Path) -> None:
    cipherdir = unpacked(tmp_path, "plaintextnames")
    (cipherdir / "directory" / "letter.txt").write_text("dear")
    done = deletion(cipherdir).remove()
    assert done.left == ("directory/letter.txt",)
    assert everything_in(cipherdir) == ["directory", "directory/letter.txt"]


def test_links_are_removed_and_never_followed(cipherdir: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / ("A" * 22)).write_bytes(b"\0\2mine")
    (cipherdir / ("A" * 22)).symlink_to(outside)
    (cipherdir / ("B" * 21 + "A")).symlink_to(outside / ("A" * 22))
    deletion(cipherdir).remove()
    assert not cipherdir.exists()
    assert everything_in(outside) == ["A" * 22]


def test_the_config_goes_first_and_is_not_left_on_the_disk(
    cipherdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = os.open(cipherdir / "gocryptfs.conf", os.O_RDONLY)
    copy = cipherdir.parent / "my copy.conf"
    (cipherdir / "gocryptfs.conf.bak").write_bytes(b"{}")
    os.link(cipherdir / "gocryptfs.conf.bak", copy)
    removed: list[bytes] = []
    unlink = os.unlink

    def watched(name: bytes, *, dir_fd: int) -> None:
        removed.append(name)
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", watched)
    try:
        deletion(cipherdir).remove()
        assert not os.pread(held, 4096, 0).strip(b"\0")
    finally:
        os.close(held)
    assert {removed[0], removed[1]} == {b"gocryptfs.conf", b"gocryptfs.conf.bak"}
    assert removed[-1] == b"gocryptfs.diriv"
    assert copy.read_bytes() == b"{}"


def test_a_deletion_that_was_given_up_is_finished_by_the_next(cipherdir: Path) -> None:
    first = deletion(cipherdir)

    def once(_entries: int) -> None:
        first.give_up()

    for number in range(300):
        (cipherdir / f"gocryptfs.longname.{number:0>43}").touch()
    first.remove(once)
    assert not (cipherdir / "gocryptfs.conf").exists()
    assert (cipherdir / "gocryptfs.diriv").exists()
    assert refusal(entry_of(cipherdir)) is None
    second = Deletion(entry_of(cipherdir), plain_names=False, dir_ivs=True)
    assert second.remove().left_count == 0
    assert not cipherdir.exists()


def test_a_failure_on_the_way_is_raised(cipherdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(name: bytes, *, dir_fd: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "unlink", failing)
    with pytest.raises(OSError, match="Read-only"):
        deletion(cipherdir).remove()


def test_a_very_deep_tree_is_deleted_and_needs_two_descriptors(cipherdir: Path) -> None:
    name = b"B" * 21 + b"A"
    directory = os.open(cipherdir, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir(name, dir_fd=directory)
        outer, directory = directory, os.open(name, os.O_RDONLY, dir_fd=directory)
        os.close(outer)
        os.close(os.open("gocryptfs.diriv", os.O_WRONLY | os.O_CREAT, dir_fd=directory))
        os.truncate(f"/proc/self/fd/{directory}/gocryptfs.diriv", 16)
    os.close(directory)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 20, limits[1]))
    try:
        done = deletion(cipherdir).remove()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (done.entries > 3000, done.left_count) == (True, 0)
    assert not cipherdir.exists()


def test_a_directory_that_is_moved_out_while_it_is_cleared_takes_nothing_along(
    cipherdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = cipherdir / ("B" * 21 + "A")
    inner.mkdir()
    (inner / "gocryptfs.diriv").write_bytes(bytes(16))
    (inner / ("A" * 22)).touch()
    elsewhere = cipherdir.parent / "elsewhere"
    elsewhere.mkdir()
    mine = elsewhere / ("C" * 21 + "A")
    mine.touch()
    unlink = os.unlink

    def moving(name: bytes, *, dir_fd: int) -> None:
        unlink(name, dir_fd=dir_fd)
        if name == b"A" * 22 and inner.exists():
            inner.rename(elsewhere / "inner")

    monkeypatch.setattr(os, "unlink", moving)
    with pytest.raises(OSError, match="Stale"):
        deletion(cipherdir).remove()
    assert mine.exists()
    assert (elsewhere / "inner").is_dir()


@needs("ordinary-user")
def test_directories_that_forbid_writing_are_deleted_once_the_config_is(
    tmp_path: Path,
) -> None:
    let_others_in(tmp_path)
    tmp_path.chmod(0o777)

    def work() -> None:
        inner = tmp_path / "own.c" / ("B" * 21 + "A")
        inner.mkdir(parents=True)
        (inner.parent / "gocryptfs.conf").write_text('{"FeatureFlags": ["DirIV"]}')
        (inner / "gocryptfs.diriv").write_bytes(bytes(16))
        inner.chmod(0o500)
        assert deletion(inner.parent).remove().left_count == 0
        assert not inner.parent.exists()

    run_as_user(work)


def test_a_volume_within_a_volume_stays(cipherdir: Path) -> None:
    inner = cipherdir / ("B" * 21 + "A")
    inner.mkdir()
    (inner / "gocryptfs.diriv").write_bytes(bytes(16))
    (inner / "gocryptfs.conf").write_text("{}")
    assert deletion(cipherdir).remove().left == (f"{inner.name}/gocryptfs.conf",)


def test_a_place_that_is_no_volume_is_refused(tmp_path: Path, home: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    link = tmp_path / "link"
    link.symlink_to(unpacked(tmp_path, "default"))
    (home / "gocryptfs.conf").touch()
    for folder, reason in (
        (empty, "no volume config"),
        (tmp_path / "gone", "not there"),
        (link, "is a link"),
        (home, "home directory"),
        (home.parent, "home directory"),
        (Path("/"), "home directory"),
    ):
        assert reason in (refusal(entry_of(folder)) or "")
    view = VaultEntry(VaultId("0" * 16), "View", str(empty), "/mnt/view", reverse=True)
    assert "not encrypted" in (refusal(view) or "")


@needs("root")
def test_a_volume_with_something_mounted_in_it_is_refused(cipherdir: Path) -> None:
    inside = next(path for path in cipherdir.iterdir() if path.is_dir())
    run_program(["mount", "-t", "tmpfs", "none", inside]).check()
    try:
        assert "is mounted in it" in (refusal(entry_of(cipherdir)) or "")
        # Also where it was mounted a moment after the look: another file system is not entered.
        (inside / "gocryptfs.diriv").write_bytes(bytes(16))
        (inside / ("A" * 22)).write_bytes(b"\0\2mine")
        done = deletion(cipherdir).remove()
        assert inside.name in done.left
        assert len(everything_in(inside)) == 2
    finally:
        detach(cipherdir)
