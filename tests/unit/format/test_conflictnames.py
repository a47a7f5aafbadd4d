"""Names of conflict copies, told apart from all others without a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.format.conflictnames import ConflictName, parse, parse_plain, with_mark

SHORT = b"QGDqZJmQCnOQyVmhbVUvuw"
HASH = b"0aB-_" * 8 + b"xyz"
HASHED = b"gocryptfs.longname." + HASH
SYNCTHING = b".sync-conflict-20260131-120000-ABCDEFG"
DROPBOX = b" (Ada's conflicted copy 2026-01-31)"
OWNCLOUD = b"_conflict-20260131-120000"

MARKS = st.one_of(
    st.sampled_from([SYNCTHING, DROPBOX, OWNCLOUD]),
    st.builds(
        lambda host: f" ({host}'s conflicted copy 2026-01-31)".encode(),
        st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=20),
    ),
)


@given(MARKS, st.sampled_from([SHORT, SHORT + b"==", SHORT * 7]))
def test_a_mark_behind_a_short_name_is_found(mark: bytes, name: bytes) -> None:
    assert parse(name + mark) == ConflictName(name, mark)


@given(MARKS)
def test_a_mark_in_a_hashed_name_or_behind_it_is_found(mark: bytes) -> None:
    assert parse(HASHED + mark) == ConflictName(HASHED, mark)
    assert parse(b"gocryptfs.longname" + mark + b"." + HASH) == ConflictName(HASHED, mark)


@pytest.mark.parametrize(
    ("name", "original"),
    [
        (b"gocryptfs" + SYNCTHING + b".diriv", b"gocryptfs.diriv"),
        (b"gocryptfs.diriv" + DROPBOX, b"gocryptfs.diriv"),
        (b"gocryptfs" + DROPBOX + b".conf", b"gocryptfs.conf"),
        (HASHED + SYNCTHING + b".name", HASHED + b".name"),
        (HASHED + b".name" + DROPBOX, HASHED + b".name"),
        (b"gocryptfs.longname" + DROPBOX + b"." + HASH + b".name", HASHED + b".name"),
    ],
)
def test_a_copy_of_a_file_of_the_volume_is_no_entry(name: bytes, original: bytes) -> None:
    copy = parse(name)
    assert copy is not None
    assert (copy.original, copy.is_entry) == (original, False)


@pytest.mark.parametrize(
    "name",
    [
        SHORT,
        HASHED,
        HASHED + b".name",
        b"gocryptfs.diriv",
        b"gocryptfs.conf",
        SHORT + b".tmp",
        SHORT + b"~",
        b"." + SHORT + b".~1a2b",
        b".syncthing." + SHORT + SYNCTHING + b".tmp",
        b"conflict.txt",
        b"short" + SYNCTHING,
    ],
)
def test_other_names_are_none(name: bytes) -> None:
    assert parse(name) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"report.odt", b"report" + DROPBOX + b".odt"),
        (b"report.tar.gz", b"report.tar" + DROPBOX + b".gz"),
        (b"Makefile", b"Makefile" + DROPBOX),
        (b".profile", b".profile" + DROPBOX),
        (b"\xff.odt", b"\xff" + DROPBOX + b".odt"),
    ],
)
def test_the_mark_comes_before_the_extension(name: bytes, shown: bytes) -> None:
    assert with_mark(name, DROPBOX) == shown
    assert parse_plain(shown) == ConflictName(name, DROPBOX)


@given(st.text(min_size=1, max_size=255), MARKS)
def test_a_name_with_a_mark_fits_and_stays_text(name: str, mark: bytes) -> None:
    plain = name.encode("utf-8", "ignore")[:255].decode("utf-8", "ignore").encode()
    shown = with_mark(plain, mark)
    assert mark in shown
    assert len(shown) <= 255
    shown.decode()
