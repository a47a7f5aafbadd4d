"""Conflict copies of sync clients under plain names: seen, used, put in order again."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openvolume import FLAVOURS, OpenVolume

from vaultui.cipherfs.check import CheckSummary, check
from vaultui.cipherfs.filesystem import ROOT
from vaultui.format.names import LONG_PREFIX

SYNCTHING = ".sync-conflict-20260131-120000-ABCDEFG"
DROPBOX = " (Ada's conflicted copy 2026-01-31)"
NEXTCLOUD = " (conflicted copy 2026-01-31 120000)"
OWNCLOUD = "_conflict-20260131-120000"
SEAFILE = " (SFConflict ada@example.org 2026-01-31-12-00-00)"
GERMAN = " (In Konflikt stehende Kopie von Ada 2026-01-31)"
MARKS = (SYNCTHING, DROPBOX, NEXTCLOUD, OWNCLOUD, SEAFILE, GERMAN, ".Conflict")
LONG = "l" * 200 + ".odt"

each_mark = pytest.mark.parametrize("mark", MARKS)
each_long_mark = pytest.mark.parametrize("mark", [SYNCTHING, DROPBOX])
each_place = pytest.mark.parametrize("before_extension", [True, False])


@pytest.fixture
def synced(cipherdir: Path) -> Iterator[OpenVolume]:
    vault = OpenVolume(cipherdir, conflict_copies=True, coherence_s=0.0)
    yield vault
    vault.close()


def keep_both(
    vault: OpenVolume, path: str, mark: str, content: bytes, *, before_extension: bool = True
) -> Path:
    """Do what a sync client does with two versions of a file; return where the copy lies.

    What it takes for an extension is what follows the last dot of the name on disk.
    """
    original = vault.cipher_path(path)
    stem, dot, extension = original.name.rpartition(".")
    name = original.name + mark
    if dot and before_extension:
        name = stem + mark + dot + extension
    vault.write("theirs", content)
    vault.cipher_path("theirs").rename(original.with_name(name))
    vault.reopen()
    return original.with_name(name)


@each_mark
def test_a_copy_is_shown_as_the_sync_client_would_have_called_it(
    synced: OpenVolume, mark: str
) -> None:
    synced.write("report.odt", b"mine")
    keep_both(synced, "report.odt", mark, b"theirs")
    shown = f"report{mark}.odt"
    assert synced.list() == sorted(["report.odt", shown])
    assert synced.read(shown) == b"theirs"
    assert synced.read("report.odt") == b"mine"
    assert synced.reports == []


def test_a_copy_is_written_where_it_lies(synced: OpenVolume) -> None:
    synced.write("report.odt", b"mine")
    copy = keep_both(synced, "report.odt", SYNCTHING, b"theirs")
    shown = f"report{SYNCTHING}.odt"
    synced.write(shown, b"edited")
    synced.write("temporary", b"saved by an editor")
    synced.rename("temporary", shown)
    assert copy.exists()
    synced.reopen()
    assert synced.read(shown) == b"saved by an editor"
    assert synced.list() == sorted(["report.odt", shown])


def test_a_copy_takes_the_place_of_its_original(synced: OpenVolume) -> None:
    synced.write("report.odt", b"mine")
    keep_both(synced, "report.odt", DROPBOX, b"theirs")
    synced.rename(f"report{DROPBOX}.odt", "report.odt")
    assert synced.list() == ["report.odt"]
    assert synced.read("report.odt") == b"theirs"
    assert len(synced.raw_entries()) == 1


def test_a_copy_is_removed_and_its_name_is_free_for_a_proper_entry(synced: OpenVolume) -> None:
    synced.write("report.odt", b"mine")
    copy = keep_both(synced, "report.odt", NEXTCLOUD, b"theirs")
    shown = f"report{NEXTCLOUD}.odt"
    synced.unlink(shown)
    assert not copy.exists()
    synced.write(shown, b"new")
    synced.options.clear()
    synced.reopen()
    assert synced.list() == sorted(["report.odt", shown])


@each_long_mark
@each_place
def test_the_copy_of_a_long_name_is_shown_and_shares_its_companion(
    synced: OpenVolume, mark: str, before_extension: bool
) -> None:
    synced.write(LONG, b"mine")
    copy = keep_both(synced, LONG, mark, b"theirs", before_extension=before_extension)
    assert copy.name.startswith(LONG_PREFIX.decode()[:-1])
    (shown,) = set(synced.list()) - {LONG}
    assert shown.startswith("lllll")
    assert shown.endswith(f"{mark}.odt")
    assert len(shown.encode()) <= 255
    assert synced.read(shown) == b"theirs"
    # Whichever goes first, the other keeps its name.
    synced.unlink(LONG)
    synced.reopen()
    assert synced.list() == [shown]
    synced.write(LONG, b"mine again")
    synced.unlink(shown)
    assert synced.list() == [LONG]
    synced.unlink(LONG)
    assert synced.raw_entries() == set()


@each_place
def test_the_copy_of_a_long_name_gets_a_name_of_its_own(
    synced: OpenVolume, before_extension: bool
) -> None:
    synced.write(LONG, b"mine")
    keep_both(synced, LONG, SYNCTHING, b"theirs", before_extension=before_extension)
    (shown,) = set(synced.list()) - {LONG}
    synced.rename(shown, "short")
    assert synced.read(LONG) == b"mine"
    synced.rename("short", "L" * 200)
    synced.rename(LONG, "gone.odt")
    assert sorted(synced.list()) == sorted(["L" * 200, "gone.odt"])
    synced.reopen()
    assert synced.read("L" * 200) == b"theirs"
    assert len(synced.raw_entries()) == 3


def test_the_copy_of_a_directory_is_walked_and_removed(synced: OpenVolume) -> None:
    synced.mkdir("photos")
    synced.mkdir("other")
    synced.write("other/inside", b"below")
    original = synced.cipher_path("photos")
    synced.cipher_path("other").rename(original.with_name(original.name + NEXTCLOUD))
    synced.reopen()
    shown = "photos" + NEXTCLOUD
    assert synced.list() == ["photos", shown]
    assert synced.read(f"{shown}/inside") == b"below"
    synced.unlink(f"{shown}/inside")
    synced.rmdir(shown)
    assert synced.list() == ["photos"]


def test_copies_of_files_of_the_volume_are_neither_shown_nor_in_the_way(
    synced: OpenVolume,
) -> None:
    synced.mkdir("dir")
    synced.write(f"dir/{LONG}", b"x")
    folder = synced.cipher_path("dir")
    (folder / f"gocryptfs{SYNCTHING}.diriv").write_bytes(b"i" * 16)
    companion = synced.cipher_path(f"dir/{LONG}").name + ".name"
    stem = companion.removesuffix(".name")
    (folder / f"{stem}{SYNCTHING}.name").write_bytes(b"x")
    (synced.cipherdir / f"gocryptfs{DROPBOX}.conf").write_bytes(b"{}")
    synced.reopen()
    assert synced.list() == ["dir"]
    assert synced.list("dir") == [LONG]
    assert synced.reports == []
    synced.unlink(f"dir/{LONG}")
    synced.rmdir("dir")
    assert synced.list() == []


def test_an_entry_that_has_the_name_properly_keeps_it(synced: OpenVolume) -> None:
    synced.write("a.odt", b"mine")
    shown = f"a{SYNCTHING}.odt"
    synced.write(shown, b"proper")
    copy = keep_both(synced, "a.odt", SYNCTHING, b"theirs")
    other = f"a{SYNCTHING}~2.odt"
    assert synced.list() == sorted(["a.odt", shown, other])
    assert synced.read(shown) == b"proper"
    assert synced.read(other) == b"theirs"
    synced.unlink(other)
    assert not copy.exists()
    assert synced.read(shown) == b"proper"


def test_what_is_no_copy_of_an_entry_stays_hidden(synced: OpenVolume) -> None:
    synced.write("file", b"x")
    name = synced.cipher_path("file").name
    for foreign in (
        f".syncthing.{name}{SYNCTHING}.tmp",
        f"{name}.tmp",
        f"readme{SYNCTHING}",
        "A" * 22 + SYNCTHING,
        f"gocryptfs.longname.{'A' * 43}{SYNCTHING}",
    ):
        (synced.cipherdir / foreign).write_bytes(b"")
    synced.reopen()
    assert synced.list() == ["file"]
    assert len(synced.reports) == 4


def test_the_paths_of_a_copy_are_translated_both_ways(synced: OpenVolume) -> None:
    synced.mkdir("dir")
    synced.write(f"dir/{LONG}", b"mine")
    copy = keep_both(synced, f"dir/{LONG}", SYNCTHING, b"theirs")
    (shown,) = set(synced.list("dir")) - {LONG}
    assert synced.cipher_path(f"dir/{shown}") == copy
    cipher = os.fsencode(copy.relative_to(synced.cipherdir))
    assert synced.fs.decrypt_path(cipher) == f"dir/{shown}".encode()


def test_without_the_wish_copies_are_as_hidden_as_they_are_in_gocryptfs(
    vault: OpenVolume,
) -> None:
    vault.write("report.odt", b"mine")
    keep_both(vault, "report.odt", SYNCTHING, b"theirs")
    assert vault.list() == ["report.odt"]
    with pytest.raises(OSError, match=r".+") as caught:
        vault.fs.lookup(ROOT, f"report{SYNCTHING}.odt".encode())
    assert caught.value.errno == errno.ENOENT


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_copies_in_volumes_of_every_kind_have_a_name(tmp_path: Path, flavour: str) -> None:
    volume = FLAVOURS[flavour].create(tmp_path / "cipher")
    vault = OpenVolume(tmp_path / "cipher", volume, conflict_copies=True)
    for name in ("a.txt", "m" * 100):
        vault.write(name, b"mine")
        keep_both(vault, name, DROPBOX, b"theirs", before_extension=name == "a.txt")
    assert len(vault.list()) == 4
    assert vault.read(f"a{DROPBOX}.txt") == b"theirs"
    vault.close()


def furnish(vault: OpenVolume) -> list[tuple[str, str, str]]:
    """Make a copy of each kind; return plain path, that of the original, path on disk of each."""
    vault.mkdir("dir")
    vault.write("dir/a.txt", b"mine")
    vault.write(f"dir/{LONG}", b"mine")
    iv = vault.cipher_path("dir") / f"gocryptfs{SYNCTHING}.diriv"
    iv.write_bytes(b"i" * 16)
    paths = [keep_both(vault, f"dir/{name}", NEXTCLOUD, b"theirs") for name in ("a.txt", LONG)]
    long_shown = f"dir/{'l' * (255 - len(NEXTCLOUD) - 4)}"[:204] + NEXTCLOUD + ".odt"
    copies = [
        (f"dir/a{NEXTCLOUD}.txt", "dir/a.txt", paths[0]),
        (long_shown, f"dir/{LONG}", paths[1]),
        (f"dir/{iv.name}", "", iv),
    ]
    return [(*plain, str(path.relative_to(vault.cipherdir))) for *plain, path in copies]


def run_check(vault: OpenVolume) -> tuple[CheckSummary, list[object], list[object]]:
    damage: list[object] = []
    copies: list[object] = []
    fd = os.open(vault.cipherdir, os.O_RDONLY)
    try:
        summary = check(
            fd,
            vault.volume,
            lambda *_: None,
            lambda *found: damage.append(found),
            on_copy=lambda *found: copies.append(found),
        )
    finally:
        os.close(fd)
    return summary, damage, copies


def test_a_check_lists_copies_and_does_not_call_them_damage(vault: OpenVolume) -> None:
    expected = furnish(vault)
    summary, damage, copies = run_check(vault)
    assert damage == []
    assert sorted(copies) == sorted(expected)
    assert (summary.files, summary.copies, summary.corrupt) == (4, 3, 0)


def test_a_check_reads_what_is_in_a_copy(vault: OpenVolume) -> None:
    vault.write("a.txt", b"mine")
    copy = keep_both(vault, "a.txt", DROPBOX, b"theirs")
    copy.write_bytes(copy.read_bytes()[:-1])
    _summary, damage, _copies = run_check(vault)
    assert [found[1] for found in damage] == [f"a{DROPBOX}.txt"]


def test_a_check_still_calls_a_stray_companion_one(vault: OpenVolume) -> None:
    vault.write(LONG, b"mine")
    copy = keep_both(vault, LONG, DROPBOX, b"theirs")
    vault.cipher_path(LONG).unlink()
    assert run_check(vault)[1] == []
    copy.unlink()
    assert len(run_check(vault)[1]) == 1


def test_all_copies_of_a_volume_are_found_whether_shown_or_not(vault: OpenVolume) -> None:
    expected = furnish(vault)
    (vault.cipherdir / f"readme{SYNCTHING}").write_bytes(b"")
    found = [tuple(map(os.fsdecode, copy)) for copy in vault.fs.conflict_copies()]
    assert sorted(found) == sorted(expected)


def test_a_check_tells_which_names_belong_to_the_other_iv_of_two_machines(
    vault: OpenVolume,
) -> None:
    vault.mkdir("dir")
    vault.write("dir/mine", b"x")
    vault.mkdir("theirs")
    vault.write("theirs/file", b"x")
    vault.write(f"theirs/{LONG}", b"x")
    folder, theirs = vault.cipher_path("dir"), vault.cipher_path("theirs")
    other = f"gocryptfs{SYNCTHING}.diriv"
    (theirs / "gocryptfs.diriv").rename(theirs / other)
    for path in list(theirs.iterdir()):
        path.rename(folder / path.name)
    vault.reopen()
    _summary, damage, copies = run_check(vault)
    reason = f"it belongs to another version of this directory's IV, {other}"
    assert [found[3] for found in damage if found[3] == reason] == [reason] * 2
    assert [copy[0] for copy in copies] == [f"dir/{other}"]


def test_where_names_are_plain_copies_are_listed_if_their_originals_are_there(
    tmp_path: Path,
) -> None:
    volume = FLAVOURS["plaintextnames"].create(tmp_path / "cipher")
    vault = OpenVolume(tmp_path / "cipher", volume)
    vault.mkdir("dir")
    expected = []
    for number, mark in enumerate(MARKS):
        vault.write(f"dir/{number}.txt", b"mine")
        vault.write(f"dir/{number}{mark}.txt", b"theirs")
        path = f"dir/{number}{mark}.txt"
        expected.append((path, f"dir/{number}.txt", path))
    vault.write("dir/My (unfinished) conflict.txt", b"")
    vault.write("dir/Notes (on the conflict).txt", b"")
    _summary, damage, copies = run_check(vault)
    found = [tuple(map(os.fsdecode, copy)) for copy in vault.fs.conflict_copies()]
    vault.close()
    assert damage == []
    assert sorted(copies) == sorted(found) == sorted(expected)
