"""Names of every length and every byte that a name may have."""

from __future__ import annotations

import errno
import os

from patterns import fails_with
from places import Place

LENGTHS = (1, 15, 16, 17, 143, 144, 174, 175, 176, 177, 191, 192, 254, 255)


def test_names_of_all_lengths_are_found_and_listed(place: Place) -> None:
    names = {b"n" * length for length in LENGTHS}
    for name in names:
        (place / name).write_bytes(name)
    place.reread()
    assert set(os.listdir(os.fsencode(place.root))) == names
    for name in names:
        assert (place / name).read_bytes() == name


def test_a_name_of_256_bytes_is_too_long_for_everything(place: Place) -> None:
    long, short = place / ("n" * 256), place / "short"
    short.write_bytes(b"x")
    for attempt in (
        lambda: long.write_bytes(b""),
        lambda: long.mkdir(),
        lambda: long.symlink_to("x"),
        lambda: short.rename(long),
        lambda: os.link(short, long),
        lambda: long.stat(),
        lambda: long.unlink(),
    ):
        with fails_with(errno.ENAMETOOLONG):
            attempt()
    assert os.listdir(place.root) == ["short"]


def test_names_may_hold_every_byte_but_two(place: Place) -> None:
    names = {bytes([byte]) + b"x" for byte in range(1, 256) if byte != ord("/")}
    names |= {b"\xff\xfe", b" ", b"...", b"-rf", b"a\nb", "Ä".encode("latin-1"), "Ä".encode()}
    for name in names:
        (place / name).write_bytes(name)
    place.reread()
    assert set(os.listdir(os.fsencode(place.root))) == names
    for name in names:
        assert (place / name).read_bytes() == name


def test_names_are_not_normalised_or_folded(place: Place) -> None:
    composed, decomposed = "\u00e9", "e\u0301"
    for name in (composed, decomposed, "Case", "case"):
        (place / name).write_bytes(name.encode())
    place.reread()
    assert (place / composed).read_bytes() != (place / decomposed).read_bytes()
    assert (place / "Case").read_bytes() == b"Case"


def test_names_that_the_volume_uses_itself_are_free_for_users(place: Place) -> None:
    names = ["gocryptfs.conf", "gocryptfs.diriv", "gocryptfs.longname.abc", "x.name"]
    for name in names:
        (place / name).write_bytes(name.encode())
    place.reread()
    assert sorted(os.listdir(place.root)) == sorted(names)
    for name in names:
        assert (place / name).read_bytes() == name.encode()


def test_long_names_work_for_every_kind_of_entry(place: Place) -> None:
    stem = "l" * 200
    (place / f"{stem}-dir").mkdir()
    (place / f"{stem}-dir" / f"{stem}-file").write_bytes(b"deep")
    (place / f"{stem}-link").symlink_to(f"{stem}-dir")
    os.link(place / f"{stem}-dir" / f"{stem}-file", place / f"{stem}-hard")
    os.mkfifo(place / f"{stem}-fifo")
    place.reread()
    assert (place / f"{stem}-link" / f"{stem}-file").read_bytes() == b"deep"
    assert (place / f"{stem}-hard").stat().st_nlink == 2
    assert len(os.listdir(place.root)) == 4
    for kind in ("link", "hard", "fifo"):
        (place / f"{stem}-{kind}").unlink()
    (place / f"{stem}-dir" / f"{stem}-file").unlink()
    (place / f"{stem}-dir").rmdir()
    place.reread()
    assert os.listdir(place.root) == []


def test_a_long_name_that_was_removed_can_be_used_again(place: Place) -> None:
    path = place / ("again" * 50)
    for number in range(3):
        path.write_bytes(b"%d" % number)
        path.unlink()
        path.mkdir()
        path.rmdir()
    path.write_bytes(b"last")
    place.reread()
    assert path.read_bytes() == b"last"


def test_a_deep_tree_of_long_names_is_walked(place: Place) -> None:
    path = place.root
    for depth in range(12):
        path = path / (chr(ord("a") + depth) * 250)
        path.mkdir()
    (path / "bottom").write_bytes(b"found")
    place.reread()
    assert (path / "bottom").read_bytes() == b"found"
    assert sum(len(files) for _, _, files in os.walk(place.root)) == 1
