"""Several processes at once: appending, racing for names, locking, mapping the same pages."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import signal
import struct
import time
from contextlib import suppress

import pytest
from crowd import Crowd, Signal
from patterns import BLOCK, allowed, content, fails_with, opened
from places import Place

_F_OFD_SETLK = 37
"""Of linux/fcntl.h; Python 3.11 has it no more than glibc's name for it."""


def test_lines_that_many_processes_append_are_all_there_and_whole(place: Place) -> None:
    path = place / "log"

    def write(number: int) -> None:
        with opened(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as file:
            for line in range(100):
                os.write(file, f"{number} {line} {'x' * (line * 7 % 200)}.\n".encode())

    with Crowd() as crowd:
        for number in range(4):
            crowd.start(lambda number=number: write(number))
    place.reread()
    lines = path.read_text().splitlines()
    assert all(line.endswith(".") for line in lines)
    for number in range(4):
        own = [line for line in lines if line.startswith(f"{number} ")]
        assert [int(line.split()[1]) for line in own] == list(range(100))


@pytest.mark.parametrize("name", ["short", "long" * 50], ids=["short", "long"])
def test_of_many_that_make_one_name_exclusively_one_does(place: Place, name: str) -> None:
    def make(number: int) -> None:
        made = 0
        for turn in range(20):
            try:
                with opened(place / f"{name}{turn}", os.O_WRONLY | os.O_CREAT | os.O_EXCL) as file:
                    os.write(file, b"%d" % number)
                    made += 1
            except FileExistsError:
                continue
        with opened(place / f"made {number}", os.O_WRONLY | os.O_CREAT) as file:
            os.write(file, b"%d" % made)

    with Crowd() as crowd:
        for number in range(3):
            crowd.start(lambda number=number: make(number))
    place.reread()
    assert sum(int((place / f"made {number}").read_bytes()) for number in range(3)) == 20
    assert all(len((place / f"{name}{turn}").read_bytes()) == 1 for turn in range(20))


def test_a_name_that_is_replaced_again_and_again_is_always_there_and_whole(place: Place) -> None:
    path = place / "document"
    path.write_bytes(b"0" * 5000)

    def replace() -> None:
        for number in range(60):
            (place / "temporary").write_bytes(b"%d" % (number % 10) * 5000)
            (place / "temporary").rename(path)
            time.sleep(0.005)  # an editor is slower

    with Crowd() as crowd:
        replacing = crowd.start(replace)
        while os.waitid(os.P_PID, replacing, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            found = path.read_bytes()
            assert len(found) == 5000
            assert len(set(found)) == 1


def test_directories_that_several_make_and_remove_leave_nothing_half(place: Place) -> None:
    def work() -> None:
        for turn in range(40):
            folder = place / ("shared" if turn % 2 else "s" * 200)
            # What can happen to each step: another one was faster.
            with suppress(FileExistsError, FileNotFoundError):
                folder.mkdir()
                (folder / "file").write_bytes(b"x")
                (folder / "file").unlink()
            with suppress(FileNotFoundError), allowed(errno.ENOTEMPTY):
                folder.rmdir()

    with Crowd() as crowd:
        for _ in range(3):
            crowd.start(work)
    place.reread()
    for entry in os.listdir(place.root):
        (place / entry / "file").unlink(missing_ok=True)
        (place / entry).rmdir()
    assert os.listdir(place.root) == []


def test_pages_that_two_processes_map_are_the_same(place: Place) -> None:
    path = place / "mapped"
    path.write_bytes(bytes(3 * BLOCK))
    to_child, to_parent = Signal(), Signal()

    def answer() -> None:
        with opened(path, os.O_RDWR) as file, mmap.mmap(file, 0) as mapped:
            to_child.wait()
            assert mapped[BLOCK : BLOCK + 4] == b"ping"
            mapped[2 * BLOCK : 2 * BLOCK + 4] = b"pong"
            to_parent.tell()

    with Crowd() as crowd, opened(path, os.O_RDWR) as file, mmap.mmap(file, 0) as mapped:
        crowd.start(answer)
        mapped[BLOCK : BLOCK + 4] = b"ping"
        to_child.tell()
        to_parent.wait()
        assert mapped[2 * BLOCK : 2 * BLOCK + 4] == b"pong"
    place.reread()
    found = path.read_bytes()
    assert (found[BLOCK : BLOCK + 4], found[2 * BLOCK : 2 * BLOCK + 4]) == (b"ping", b"pong")


def test_what_one_process_writes_another_reads_at_once(place: Place) -> None:
    path = place / "file"
    path.write_bytes(content(3 * BLOCK))
    to_child, to_parent = Signal(), Signal()

    def look() -> None:
        with opened(path, os.O_RDONLY) as file:
            assert os.pread(file, 3 * BLOCK, 0) == content(3 * BLOCK)
            to_parent.tell()
            to_child.wait()
            assert os.pread(file, 5, BLOCK - 2) == b"fresh"
            to_parent.tell()
            to_child.wait()
            assert os.pread(file, 100, 10) == b""
            assert os.fstat(file).st_size == 10

    with Crowd() as crowd, opened(path, os.O_RDWR) as file:
        crowd.start(look)
        to_parent.wait()
        os.pwrite(file, b"fresh", BLOCK - 2)
        to_child.tell()
        to_parent.wait()
        os.ftruncate(file, 10)
        to_child.tell()


def test_locks_of_a_process_that_was_killed_are_gone(place: Place) -> None:
    path = place / "file"
    path.write_bytes(bytes(100))
    held = Signal()

    def hold() -> None:
        file = os.open(path, os.O_RDWR)
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 0)
        held.tell()
        signal.pause()

    crowd = Crowd()
    holder = crowd.start(hold)
    held.wait()
    with opened(path, os.O_RDWR) as file:
        with fails_with(errno.EAGAIN):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with fails_with(errno.EAGAIN, errno.EACCES):
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)
        os.kill(holder, signal.SIGKILL)
        crowd.wait(may_die=True)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 5)


def test_shared_and_exclusive_locks_of_processes_exclude_each_other_as_they_should(
    place: Place,
) -> None:
    path = place / "file"
    path.write_bytes(bytes(100))

    def look() -> None:
        with opened(path, os.O_RDWR) as own:
            fcntl.lockf(own, fcntl.LOCK_SH | fcntl.LOCK_NB, 10, 0)
            fcntl.flock(own, fcntl.LOCK_SH | fcntl.LOCK_NB)
            for lock in (
                lambda: fcntl.lockf(own, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0),
                lambda: fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB),
            ):
                with fails_with(errno.EAGAIN, errno.EACCES):
                    lock()

    with opened(path, os.O_RDWR) as file:
        fcntl.lockf(file, fcntl.LOCK_SH, 10, 0)
        fcntl.flock(file, fcntl.LOCK_SH)
        with Crowd() as crowd:
            crowd.start(look)


def test_locks_of_open_file_descriptions_belong_to_the_open(place: Place) -> None:
    path = place / "file"
    path.write_bytes(bytes(100))
    exclusive = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 10, 0)
    with opened(path, os.O_RDWR) as one, opened(path, os.O_RDWR) as two:
        fcntl.fcntl(one, _F_OFD_SETLK, exclusive)
        with fails_with(errno.EAGAIN, errno.EACCES):
            fcntl.fcntl(two, _F_OFD_SETLK, exclusive)
        with opened(path, os.O_RDONLY):
            pass  # closing another open of the file takes no lock away
        with fails_with(errno.EAGAIN, errno.EACCES):
            fcntl.fcntl(two, _F_OFD_SETLK, exclusive)


def test_a_process_reads_on_in_a_file_that_another_removed(place: Place) -> None:
    path = place / "file"
    path.write_bytes(content(100_000))
    to_child, to_parent = Signal(), Signal()

    def read() -> None:
        with opened(path, os.O_RDONLY) as file:
            to_parent.tell()
            to_child.wait()
            assert os.fstat(file).st_nlink == 0
            assert os.pread(file, 100_000, 0) == content(100_000)

    with Crowd() as crowd:
        crowd.start(read)
        to_parent.wait()
        path.unlink()
        path.write_bytes(b"another")
        to_child.tell()


def test_a_child_writes_where_its_parent_left_off(place: Place) -> None:
    path = place / "file"
    with opened(path, os.O_WRONLY | os.O_CREAT) as file:
        os.write(file, b"parent ")
        with Crowd() as crowd:
            crowd.start(lambda: os.write(file, b"child "))
        os.write(file, b"parent")
    place.reread()
    assert path.read_bytes() == b"parent child parent"
