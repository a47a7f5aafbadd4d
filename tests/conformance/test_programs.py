"""Programs that people keep in vaults: databases, version control, archives, many at once."""

from __future__ import annotations

import os
import sqlite3
import sys
import zipfile
from contextlib import closing

import pytest
from capabilities import needs
from patterns import BLOCK, content, opened
from places import Place
from support import run_program


@pytest.mark.parametrize("journal", ["delete", "truncate", "wal"])
def test_a_database_keeps_what_it_committed(place: Place, journal: str) -> None:
    path = place / "data.db"
    with closing(sqlite3.connect(path)) as database:
        assert database.execute(f"pragma journal_mode={journal}").fetchone() == (journal,)
        database.execute("create table entries (number integer primary key, value blob)")
        for number in range(50):
            with database:
                database.execute("insert into entries values (?, ?)", (number, content(700)))
        database.execute("update entries set value = null where number = 3")
        database.rollback()
    place.reread()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        assert database.execute("select count(*) from entries").fetchone() == (50,)
        (value,) = database.execute("select value from entries where number = 3").fetchone()
        assert value == content(700)


def test_two_connections_to_a_database_see_each_other(place: Place) -> None:
    path = place / "data.db"
    with closing(sqlite3.connect(path)) as one, closing(sqlite3.connect(path)) as two:
        one.execute("pragma journal_mode=wal")
        one.execute("create table t (x)")
        for number in range(20):
            with one:
                one.execute("insert into t values (?)", (number,))
            assert two.execute("select max(x) from t").fetchone() == (number,)


@needs("git")
def test_a_git_repository_commits_clones_and_is_sound(place: Place) -> None:
    work, clone = place / "work", place / "clone"
    work.mkdir()
    somebody = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "gc.auto=0")

    def git(*words: str) -> None:
        run_program(("git", "-C", work, *somebody, *words)).check()

    git("init", "-q")
    for number in range(40):
        (work / f"file-{number}").write_bytes(content(300 * number, number))
    git("add", ".")
    git("commit", "-q", "-m", "first")
    (work / "file-7").unlink()
    git("commit", "-q", "-a", "-m", "second")
    git("repack", "-a", "-d", "-q")
    place.reread()
    git("fsck", "--strict")
    run_program(("git", "clone", "-q", work, clone)).check()
    assert len(list(clone.glob("file-*"))) == 39


def test_a_tree_is_copied_with_everything_by_cp(place: Place) -> None:
    source = place / "source"
    (source / "sub").mkdir(parents=True)
    (source / "file").write_bytes(content(10000))
    os.link(source / "file", source / "sub" / "hard")
    (source / "link").symlink_to("file")
    with opened(source / "sparse", os.O_WRONLY | os.O_CREAT) as file:
        os.pwrite(file, b"end", 50 * BLOCK)
    (source / "file").chmod(0o640)
    run_program(("cp", "-a", source, place / "copy")).check()
    place.reread()
    run_program(("diff", "-r", source, place / "copy")).check()
    copy = place / "copy"
    assert (copy / "file").stat().st_ino == (copy / "sub" / "hard").stat().st_ino
    assert (copy / "file").stat().st_mtime_ns == (source / "file").stat().st_mtime_ns
    assert (copy / "sparse").stat().st_blocks * 512 < 50 * BLOCK


def test_an_archive_is_written_and_read_with_seeking(place: Place) -> None:
    path = place / "archive.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(30):
            archive.writestr(f"member {number}", content(5000, number))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("late", b"appended")
    place.reread()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.read("member 17") == content(5000, 17)
        assert archive.read("late") == b"appended"


_WRITER = """
import os, sys
path, number = sys.argv[1], int(sys.argv[2])
file = os.open(path, os.O_RDWR)
for turn in range(200):
    # Records of 100 bytes do not end where blocks do: neighbours share their blocks.
    os.pwrite(file, bytes([number]) * 100, (turn * 4 + number) * 100)
os.close(file)
"""


def test_processes_that_write_side_by_side_do_not_lose_each_others_bytes(place: Place) -> None:
    path = place / "shared"
    path.write_bytes(bytes(80_000))
    pids = [
        os.posix_spawn(sys.executable, [sys.executable, "-c", _WRITER, path, str(n)], os.environ)
        for n in range(4)
    ]
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 4
    place.reread()
    expected = b"".join(bytes([number % 4]) * 100 for number in range(800))
    assert path.read_bytes() == expected


_MAKER = """
import os, sys
top, number = sys.argv[1], sys.argv[2]
for turn in range(60):
    shared, own = f"{top}/dir-{turn}", f"{top}/dir-{turn}/{number}"
    os.makedirs(shared, exist_ok=True)
    with open(own, "wb") as file:
        file.write(own.encode() * 50)
    os.rename(own, own + "-done")
"""


def test_processes_that_make_one_tree_together_all_find_their_files(place: Place) -> None:
    pids = [
        os.posix_spawn(
            sys.executable, [sys.executable, "-c", _MAKER, place.root, str(n)], os.environ
        )
        for n in range(4)
    ]
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 4
    place.reread()
    for turn in range(60):
        folder = place / f"dir-{turn}"
        assert sorted(os.listdir(folder)) == [f"{n}-done" for n in range(4)]
        assert (folder / "2-done").read_bytes() == os.fsencode(folder / "2") * 50


def test_reserving_room_grows_the_file_with_zeros(place: Place) -> None:
    # Where the file system can't reserve, the C library writes zeros instead.
    path = place / "file"
    with opened(path, os.O_RDWR | os.O_CREAT) as file:
        os.write(file, b"head")
        os.posix_fallocate(file, 0, 3 * BLOCK + 5)
    place.reread()
    assert path.read_bytes() == b"head" + bytes(3 * BLOCK + 1)


def test_seeking_for_data_never_skips_any(place: Place) -> None:
    path = place / "sparse"
    with opened(path, os.O_RDWR | os.O_CREAT) as file:
        os.pwrite(file, b"data", 20 * BLOCK)
        os.pwrite(file, b"more", 40 * BLOCK)
        size = os.fstat(file).st_size
        found, at = b"", 0
        while at < size:
            begin = os.lseek(file, at, os.SEEK_DATA)
            end = os.lseek(file, begin, os.SEEK_HOLE)
            found += os.pread(file, end - begin, begin)
            at = end
    assert found.replace(b"\0", b"") == b"datamore"


def test_copying_inside_the_file_system_copies_the_bytes(place: Place) -> None:
    (place / "source").write_bytes(content(30_000))
    with (
        opened(place / "source", os.O_RDONLY) as source,
        opened(place / "copy", os.O_RDWR | os.O_CREAT) as copy,
    ):
        remaining, at = 20_000, 5_000
        while remaining:
            done = os.copy_file_range(source, copy, remaining, at, at - 5_000)
            remaining, at = remaining - done, at + done
    place.reread()
    assert (place / "copy").read_bytes() == content(30_000)[5_000:25_000]
