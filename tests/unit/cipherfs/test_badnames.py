"""Undecryptable names that somebody asked to see, and the patterns that say which."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openvolume import OpenVolume

from vaultui.cipherfs.badnames import BadPattern, compile_pattern
from vaultui.cipherfs.filesystem import ROOT
from vaultui.cipherfs.report import ReportKind

MARK = " GOCRYPTFS_BAD_NAME"


def failure(number: int) -> pytest.RaisesExc[OSError]:
    return pytest.RaisesExc(OSError, check=lambda error: error.errno == number)


@pytest.fixture
def lenient(cipherdir: Path) -> Iterator[OpenVolume]:
    """Return a volume in which some file and some directory were met twice by a sync client."""
    vault = OpenVolume(cipherdir, bad_names=["*conflict*", "gocryptfs.*"])
    vault.write("file", b"mine")
    vault.write("other", b"theirs")
    vault.cipher_path("other").rename(conflict(vault, "file"))
    vault.mkdir("dir")
    vault.mkdir("copy")
    vault.write("copy/inside", b"below")
    vault.cipher_path("copy").rename(conflict(vault, "dir"))
    vault.reopen()
    yield vault
    vault.close()


def conflict(vault: OpenVolume, path: str) -> Path:
    cipher = vault.cipher_path(path)
    return cipher.with_name(cipher.name + " (conflicted copy)")


FILE = "file (conflicted copy)" + MARK
DIRECTORY = "dir (conflicted copy)" + MARK


def test_a_bad_name_is_shown_as_far_as_it_decrypts(lenient: OpenVolume) -> None:
    assert lenient.list() == sorted([FILE, DIRECTORY, "file", "dir"])
    assert lenient.reports == []


def test_what_is_behind_a_bad_name_is_read_and_written(lenient: OpenVolume) -> None:
    lenient.list()
    assert lenient.read(FILE) == b"theirs"
    assert lenient.read("file") == b"mine"
    assert lenient.list(DIRECTORY) == ["inside"]
    assert lenient.read(f"{DIRECTORY}/inside") == b"below"
    lenient.write(FILE, b"changed")
    lenient.reopen()
    assert lenient.read(FILE) == b"changed"


def test_a_bad_name_is_put_right_by_renaming(lenient: OpenVolume) -> None:
    lenient.rename(FILE, "kept")
    lenient.rename(DIRECTORY, "dir")
    assert lenient.list() == ["dir", "file", "kept"]
    assert lenient.list("dir") == ["inside"]
    assert lenient.read("kept") == b"theirs"


def test_a_bad_name_is_removed(lenient: OpenVolume) -> None:
    lenient.unlink(f"{DIRECTORY}/inside")
    lenient.rmdir(DIRECTORY)
    lenient.unlink(FILE)
    assert lenient.list() == ["dir", "file"]
    assert len(lenient.raw_entries()) == 2


def test_the_path_of_a_bad_name_is_translated(lenient: OpenVolume) -> None:
    assert lenient.cipher_path(f"{DIRECTORY}/inside").exists()
    path = f"{DIRECTORY}/inside".encode()
    assert lenient.fs.decrypt_path(lenient.fs.encrypt_path(path)) == path


def test_what_nothing_decrypts_of_is_shown_as_it_is(lenient: OpenVolume) -> None:
    (lenient.cipherdir / "a conflict").write_bytes(b"")
    (lenient.cipherdir / "b conflict \udcff").write_bytes(b"")
    (lenient.cipherdir / "gocryptfs.diriv.orig").write_bytes(b"")
    (lenient.cipherdir / ("gocryptfs.longname." + "A" * 43)).write_bytes(b"")
    for name in (
        "a conflict",
        "b conflict \udcff",
        "gocryptfs.diriv.orig",
        "gocryptfs.longname." + "A" * 43,
    ):
        assert name + MARK in lenient.list()
        assert lenient.read(name + MARK) == b""
        lenient.unlink(name + MARK)
    assert lenient.list() == sorted([FILE, DIRECTORY, "file", "dir"])


def test_a_bad_name_that_matches_no_pattern_stays_hidden(lenient: OpenVolume) -> None:
    (lenient.cipherdir / "strange").write_bytes(b"")
    assert "strange" + MARK not in lenient.list()
    assert [report.kind for report in lenient.reports] == [ReportKind.CORRUPT_NAME]
    with failure(errno.ENOENT):
        lenient.fs.lookup(ROOT, b"strange" + MARK.encode())


def test_a_name_that_two_entries_are_shown_under_leads_to_neither(lenient: OpenVolume) -> None:
    shown = "file (conflicted copy)" + MARK
    (lenient.cipherdir / "file (conflicted copy)").write_bytes(b"")
    assert lenient.list().count(shown) == 2
    with failure(errno.ENOENT):
        lenient.fs.lookup(ROOT, shown.encode())


def test_nothing_is_made_under_a_name_with_the_mark(lenient: OpenVolume) -> None:
    name = b"new" + MARK.encode()
    for call in (
        lambda: lenient.fs.create(ROOT, name, 0o644, os.O_RDWR),
        lambda: lenient.fs.mkdir(ROOT, name, 0o755),
        lambda: lenient.fs.symlink(ROOT, name, b"target"),
        lambda: lenient.fs.rename(ROOT, b"file", ROOT, name, 0),
    ):
        with failure(errno.ENOENT):
            call()
    assert lenient.list() == sorted([FILE, DIRECTORY, "file", "dir"])


def test_a_mark_that_is_part_of_a_name_leads_to_its_entry(lenient: OpenVolume) -> None:
    lenient.options.clear()
    lenient.reopen()
    lenient.write("really" + MARK, b"x")
    lenient.options["bad_names"] = ["*"]
    lenient.reopen()
    assert lenient.read("really" + MARK) == b"x"


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("*", "", True),
        ("*c", "abc", True),
        ("a*", "b", False),
        ("a?c", "aüc", True),
        ("a?c", "ac", False),
        ("a.c", "abc", False),
        ("a[bc]", "ac", True),
        ("a[b-d]", "ac", True),
        ("a[^b-d]", "ac", False),
        ("a[^b-d]", "ae", True),
        ("a[!b]", "a!", True),
        ("a[!b]", "ac", False),
        (r"a[\]\-^]", "a]", True),
        (r"a[\]\-^]", "a^", True),
        (r"a\*", "a*", True),
        (r"a\*", "ab", False),
        ("[d-b]", "c", False),
        ("[^d-b]", "c", True),
        ("[a-a&&b~~|]", "&", True),
        ("a\nb*", "a\nb\n", True),
    ],
)
def test_a_pattern_means_what_it_means_in_go(pattern: str, name: str, matches: bool) -> None:
    assert bool(compile_pattern(pattern).fullmatch(name)) is matches


@pytest.mark.parametrize(
    "pattern", ["[", "[]", "[a", "[^]", "[a-]", "[-a]", "[a-\\", "[\\", "\\", "[]a]"]
)
def test_a_pattern_that_go_refuses_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        compile_pattern(pattern)


@given(st.text("ab*?[]^-\\", max_size=12))
@example("[a]]")
def test_every_pattern_is_either_refused_or_matches_or_not(pattern: str) -> None:
    try:
        compiled = compile_pattern(pattern)
    except BadPattern:
        return
    compiled.fullmatch("abba")


@given(st.text(max_size=12))
def test_an_escaped_name_matches_itself_alone(name: str) -> None:
    compiled = compile_pattern("".join("\\" + letter for letter in name))
    assert compiled.fullmatch(name)
    assert not compiled.fullmatch(name + "x")
