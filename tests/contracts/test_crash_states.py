"""The replay of a power cut keeps what was synced, loses what may be lost, and invents nothing."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from capabilities import needs
from programs import run_program

from tests.drills import callreader, disklog, recording
from tests.drills.crashstates import CrashStates, Order, whole, write_out
from tests.drills.disklog import DiskLog

_END = 1 << 62
_SCRIPT = """
import os, sys
top = os.open(sys.argv[1], os.O_RDONLY)

def put(path, data, *, sync=False, flags=os.O_CREAT | os.O_WRONLY, at=0):
    fd = os.open(path, flags, dir_fd=top)
    os.pwrite(fd, data, at)
    if sync:
        os.fsync(fd)
    os.close(fd)

{body}
"""

Script = Callable[[str], DiskLog]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Return what records a few lines of Python in a directory with one old file."""

    def record(body: str) -> DiskLog:
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "old").write_bytes(b"old" * 1000)
        start = disklog.read_tree(folder)
        words = (*recording.recorder(tmp_path / "record"), sys.executable, "-I", "-S", "-c")
        run_program((*words, _SCRIPT.replace("{body}", body), folder)).check()
        log = callreader.understand(start, folder, recording.read(tmp_path / "record"))
        assert whole(log).by_path() == disklog.read_tree(folder).by_path()
        return log

    return record


def states(
    log: DiskLog, order: Order, moment: int = _END, count: int = 100
) -> list[dict[bytes, bytes | None]]:
    crashes = CrashStates(log, order)
    return [crashes.at(moment, random.Random(seed)).by_path() for seed in range(count)]


pytestmark = needs("strace")


def test_all_kinds_of_changes_are_understood(script: Script, tmp_path: Path) -> None:
    log = script(
        """
os.mkdir("dir", dir_fd=top)
put("dir/file", b"a" * 5000)
os.link("old", "dir/hard", src_dir_fd=top, dst_dir_fd=top)
os.symlink("target", "dir/soft", dir_fd=top)
os.rename("dir", "moved", src_dir_fd=top, dst_dir_fd=top)
os.rename(sys.argv[1] + "/moved/file", sys.argv[1] + "/file")
put("file", b"bc", at=4999, flags=os.O_WRONLY)
os.truncate(sys.argv[1] + "/old", 7)
unnamed = os.open(sys.argv[1], os.O_TMPFILE | os.O_WRONLY)
os.write(unnamed, b"one,")
copy = os.dup(unnamed)
os.write(copy, b"two")
os.link(f"/proc/self/fd/{copy}", "named", dst_dir_fd=top, follow_symlinks=True)
os.unlink("moved/soft", dir_fd=top)
put("named", b"anew", flags=os.O_WRONLY | os.O_TRUNC)
"""
    )
    there = {b"file", b"moved", b"moved/hard", b"named", b"old"}
    assert whole(log).by_path().keys() == there
    copy = tmp_path / "copy"
    copy.mkdir()
    write_out(whole(log), copy)
    assert disklog.read_tree(copy).by_path() == whole(log).by_path()
    assert (copy / "old").samefile(copy / "moved/hard")


@pytest.mark.parametrize("order", Order)
def test_what_nobody_synced_is_lost_in_some_states_and_kept_in_others(
    script: Script, order: Order
) -> None:
    found = states(script("put('new', b'n' * 2000)\nput('old', b'N' * 3000)"), order)
    assert {b"new" in state for state in found} == {True, False}
    assert {state[b"new"] for state in found if b"new" in state} >= {b"", b"n" * 2000}
    assert {state[b"old"] for state in found} >= {b"old" * 1000, b"N" * 3000}


def test_a_write_may_be_torn_between_two_sectors(script: Script) -> None:
    contents = {state[b"old"] for state in states(script("put('old', b'N' * 3000)"), Order.POSIX)}
    torn = [content for content in contents if content and {*b"oldN"} <= {*content}]
    assert torn
    assert all(
        len({*content[at : at + 512]} & {*b"oN"}) == 1 for content in torn for at in (0, 512)
    )


def test_where_names_have_order_a_sync_brings_the_earlier_ones_along(script: Script) -> None:
    log = script("os.mkdir('dir', dir_fd=top)\nput('dir/new', b'n', sync=True)\nput('last', b'')")
    found = states(log, Order.JOURNAL)
    assert all(state[b"dir/new"] == b"n" for state in found)
    assert {b"last" in state for state in found} == {True, False}


def test_posix_alone_keeps_a_name_only_by_a_sync_of_its_directory(script: Script) -> None:
    log = script("put('new', b'n', sync=True)\nput('kept', b'k', sync=True)\nos.fsync(top)")
    at_the_end = states(log, Order.POSIX)
    assert all(state[b"new"] == b"n" and state[b"kept"] == b"k" for state in at_the_end)
    last = max(step.began for step in log.steps)
    before = states(log, Order.POSIX, last)
    assert {(b"new" in state, b"kept" in state) for state in before} == {
        (one, other) for one in (True, False) for other in (True, False)
    }
    assert all(state.get(b"new", b"n") == b"n" for state in before)


def test_a_rename_is_done_or_not_and_never_half(script: Script) -> None:
    log = script(
        "os.mkdir('dir', dir_fd=top)\nos.rename('old', 'dir/new', src_dir_fd=top, dst_dir_fd=top)"
    )
    for order in Order:
        found = states(log, order)
        assert all((b"old" in state) != (b"dir/new" in state) for state in found)
        assert {b"old" in state for state in found} == {True, False}


def test_what_was_handed_to_the_disk_comes_before_later_names_where_those_have_order(
    script: Script,
) -> None:
    log = script(
        """
import ctypes
fd = os.open("data", os.O_CREAT | os.O_WRONLY, dir_fd=top)
os.write(fd, b"data")
ctypes.CDLL(None).sync_file_range(fd, ctypes.c_int64(0), ctypes.c_int64(0), 7)
os.close(fd)
put("after", b"")
"""
    )
    in_order = states(log, Order.JOURNAL)
    assert any(b"after" in state for state in in_order)
    assert all(state[b"data"] == b"data" for state in in_order if b"after" in state)
    assert any(state.get(b"data") == b"" for state in states(log, Order.POSIX))
