"""The end of a log, and what is added to it, over rotations that may happen at any moment."""

import asyncio
from pathlib import Path

import pytest

from vaultui.shim.logfile import RotatingFile
from vaultui.supervisor.logs import LogFollower, follow, tail


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.log"


def test_the_last_lines_come_oldest_first(path: Path) -> None:
    path.write_text("".join(f"line {number}\n" for number in range(50_000)))
    assert tail(path, 3) == ["line 49997", "line 49998", "line 49999"]
    assert len(tail(path, 100_000)) == 50_000
    assert tail(path, 0) == []


def test_a_line_without_an_end_counts(path: Path) -> None:
    path.write_bytes(b"one\ntwo\nthr\xff")
    assert tail(path, 2) == ["two", "thr\ufffd"]


def test_older_logs_fill_up_what_the_newest_lacks(path: Path) -> None:
    log = RotatingFile(str(path), max_bytes=6, backups=3)
    for number in range(4):
        log.write(b"line %d\n" % number)
    log.write(b"new\n")
    log.close()
    assert tail(path, 3) == ["line 2", "line 3", "new"]
    assert tail(path, 100) == ["line 1", "line 2", "line 3", "new"]


def test_no_log_has_no_lines(path: Path) -> None:
    assert tail(path, 5) == []
    assert LogFollower(path).new_lines() == []


def test_a_follower_sees_complete_lines_once(path: Path) -> None:
    path.write_text("old\n")
    follower = LogFollower(path)
    assert follower.new_lines() == []
    with path.open("a") as log:
        for text, expected in (("one\ntw", ["one"]), ("o\n", ["two"]), ("\n", [""]), ("", [])):
            log.write(text)
            log.flush()
            assert follower.new_lines() == expected


def test_a_follower_loses_nothing_over_a_rotation(path: Path) -> None:
    log = RotatingFile(str(path), max_bytes=20, backups=3)
    follower = LogFollower(path, from_start=True)
    seen, written = [], []
    for number in range(50):
        line = f"line {number}"
        log.write(line.encode() + b"\n")
        written.append(line)
        if number % 2:
            seen += follower.new_lines()
    log.close()
    assert seen + follower.new_lines() == written


def test_a_follower_goes_on_in_a_log_that_was_emptied(path: Path) -> None:
    path.write_text("a long first line\n")
    follower = LogFollower(path)
    path.write_text("new\n")
    assert follower.new_lines() == ["new"]


def test_following_waits_for_the_next_line(path: Path) -> None:
    async def first_two() -> list[str]:
        lines = follow(path, from_start=True)
        found = [await anext(lines)]
        with path.open("a") as log:
            log.write("second\n")
        found.append(await anext(lines))
        await lines.aclose()
        return found

    path.write_text("first\n")
    assert asyncio.run(asyncio.wait_for(first_two(), 10)) == ["first", "second"]
