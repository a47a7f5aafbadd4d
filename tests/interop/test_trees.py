"""A tree that one program wrote is, name by name and byte by byte, what the other one reads."""

from __future__ import annotations

from pathlib import Path

import sampletree
from pairs import Pair
from support import difference, tree_digest


def test_the_other_program_reads_everything_that_was_written(pair: Pair, tmp_path: Path) -> None:
    plain = tmp_path / "reference"
    plain.mkdir()
    sampletree.build(plain)
    with pair.maker(tmp_path) as volume:
        sampletree.build(volume.mountpoint)
        volume.remount()
        assert difference(tree_digest(plain), tree_digest(volume.mountpoint)) == []
    with volume.by(pair.other) as again:
        assert difference(tree_digest(plain), tree_digest(again.mountpoint)) == []


def test_what_the_other_program_changed_is_read_by_the_first(pair: Pair, tmp_path: Path) -> None:
    plain = tmp_path / "reference"
    plain.mkdir()
    sampletree.build(plain)
    sampletree.change(plain)
    with pair.maker(tmp_path) as volume:
        sampletree.build(volume.mountpoint)
    with volume.by(pair.other) as again:
        sampletree.change(again.mountpoint)
    with volume.by(pair.maker) as first:
        assert difference(tree_digest(plain), tree_digest(first.mountpoint)) == []
    for checker in (pair.maker, pair.other):
        volume.by(checker).fsck().check()


def test_a_file_written_in_turn_by_both_holds_every_turn(pair: Pair, tmp_path: Path) -> None:
    expected = b""
    with pair.maker(tmp_path) as volume:
        (volume.mountpoint / "log").write_bytes(b"")
    for turn in range(6):
        program = pair.other if turn % 2 == 0 else pair.maker
        line = f"turn {turn} by {program.argv0} ".encode() * (150 + turn)
        with volume.by(program) as mounted, (mounted.mountpoint / "log").open("r+b") as log:
            assert log.read() == expected
            log.write(line)
        expected += line
    with volume.by(pair.maker) as mounted:
        assert (mounted.mountpoint / "log").read_bytes() == expected


def test_everything_can_be_deleted_by_the_other_and_nothing_remains(
    pair: Pair, tmp_path: Path
) -> None:
    with pair.maker(tmp_path) as volume:
        sampletree.build(volume.mountpoint)
    with volume.by(pair.other) as again:
        remove_below(again.mountpoint)
    remains = sorted(path.name for path in volume.cipherdir.iterdir())
    assert remains == ["gocryptfs.conf", "gocryptfs.diriv"]


def remove_below(top: Path) -> None:
    """Delete everything in a directory, as rm -r does."""
    for path in top.iterdir():
        if not path.is_symlink() and path.is_dir():
            path.chmod(0o700)
            remove_below(path)
            path.rmdir()
        else:
            path.unlink()
