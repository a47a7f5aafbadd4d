"""The log rotates at the ends of lines, and whoever feeds it never waits for the disk."""

import contextlib
import os
from pathlib import Path

from support import wait_until

from vaultui.shim.logfile import MAX_QUEUED, LogPump, RotatingFile


def contents(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}


def test_a_full_log_gets_a_number_and_the_oldest_one_goes(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "a.log"
    log = RotatingFile(str(path), max_bytes=10, backups=2)
    for number in range(5):
        log.write(b"line %d ....\n" % number)
    log.close()
    assert contents(path) == {
        "a.log": b"",
        "a.log.1": b"line 4 ....\n",
        "a.log.2": b"line 3 ....\n",
    }


def test_a_line_is_not_cut_unless_it_is_twice_as_long_as_the_log_may_be(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = RotatingFile(str(path), max_bytes=10, backups=1)
    log.write(b"0123456789 no end yet")
    assert contents(path) == {"a.log": b"", "a.log.1": b"0123456789 no end yet"}
    log.write(b"0123456789")
    assert path.read_bytes() == b"0123456789"
    log.write(b"!\n")
    log.close()
    assert contents(path) == {"a.log": b"", "a.log.1": b"0123456789!\n"}


def test_an_existing_log_is_continued_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "a.log"
    for text in (b"first\n", b"second\n"):
        log = RotatingFile(str(path), max_bytes=100, backups=1)
        log.write(text)
        log.close()
    assert path.read_bytes() == b"first\nsecond\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_without_backups_a_full_log_starts_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    log = RotatingFile(str(path), max_bytes=4, backups=0)
    log.write(b"full\n")
    log.write(b"n\n")
    log.close()
    assert contents(path) == {"a.log": b"n\n"}


def test_a_log_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"untouched")
    (tmp_path / "a.log").symlink_to("target")
    pump = LogPump(str(tmp_path / "a.log"), 100, 1)
    pump.feed(b"text\n")
    pump.close(10)
    assert (tmp_path / "target").read_bytes() == b"untouched"


def test_a_pump_writes_all_it_was_fed_before_it_closes(tmp_path: Path) -> None:
    pump = LogPump(str(tmp_path / "a.log"), 1 << 20, 1)
    for number in range(1000):
        pump.feed(b"%d\n" % number)
    pump.note("done")
    pump.close(10)
    lines = (tmp_path / "a.log").read_text().splitlines()
    assert lines[:1000] == [str(number) for number in range(1000)]
    assert lines[1000].endswith(" keeper: done")


def test_a_disk_that_hangs_holds_nobody_up_and_the_gap_is_shown(tmp_path: Path) -> None:
    """A FIFO nobody reads is a disk that hangs: opening it blocks until somebody does."""
    path = tmp_path / "a.log"
    os.mkfifo(path)
    pump = LogPump(str(path), 100 * MAX_QUEUED, 1)
    chunk = b"x" * 65535 + b"\n"
    for _ in range(3 * MAX_QUEUED // len(chunk)):
        pump.feed(chunk)  # would never return if it waited
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        received = bytearray()

        def shown(text: bytes) -> bool:
            with contextlib.suppress(BlockingIOError):
                received.extend(os.read(reader, 1 << 20))
            return text in received

        wait_until(lambda: shown(b"bytes of output were dropped here"), what="the gap is shown")
        pump.note("after the gap")
        wait_until(lambda: shown(b"after the gap"), what="the log goes on")
        pump.close(10)
    finally:
        os.close(reader)
    assert received.count(b"x") < 3 * MAX_QUEUED
