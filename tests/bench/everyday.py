"""What people do in a vault: git, a database, a build; and opening it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.bench.workload import Place, Scale, Workload, clock, command, git, mounted_after, verify


def workloads(scale: Scale) -> Iterator[Workload]:
    yield Clone()
    yield Status()
    yield Database(scale.commits)
    yield Build(scale.sources)
    yield Unlock()


class Clone(Workload):
    group = "everyday"
    name = "git clone"

    def prepare(self, place: Place) -> None:
        place.empty("clone")
        _ = place.tools.repository
        place.settle()

    def run(self, place: Place) -> float:
        with clock() as seconds:
            git("clone", "-q", place.tools.repository, place.root / "clone")
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        git("fsck", "--full", "--strict", cwd=place.root / "clone")
        # Whatever is in the index is compared by content, and not by its times.
        changes = git("diff", "--no-ext-diff", "--stat", "HEAD", cwd=place.root / "clone")
        verify(not changes, f"the clone has what was committed: {changes.decode()[:200]}")
        place.there["clone"] = True


class Status(Workload):
    group = "everyday"
    name = "git status, cold"

    def prepare(self, place: Place) -> None:
        if "clone" not in place.there:
            clone = Clone()
            clone.prepare(place)
            clone.run(place)
            clone.check(place)
        # The index then knows the files as they are seen after a remount.
        git("status", cwd=place.root / "clone")
        place.fresh()

    def run(self, place: Place) -> float:
        with clock() as seconds:
            changes = git("status", "--porcelain", cwd=place.root / "clone")
        verify(not changes, f"nothing was changed: {changes.decode()[:200]}")
        return seconds[0]


class Database(Workload):
    """SQLite as it comes: a journal that is removed, and an fsync of all for each commit."""

    group = "everyday"

    def __init__(self, commits: int) -> None:
        self.commits = commits
        self.name = "SQLite, a commit for each row"

    def prepare(self, place: Place) -> None:
        place.empty("rows.db")
        with closing(sqlite3.connect(place.root / "rows.db")) as database:
            database.execute("create table rows (number integer primary key, word text)")
            database.execute("create index words on rows (word)")
            database.commit()
        place.settle()

    def run(self, place: Place) -> float:
        with clock() as seconds, closing(sqlite3.connect(place.root / "rows.db")) as database:
            for number in range(self.commits):
                database.execute("insert into rows values (?, ?)", (number, _word(number)))
                database.commit()
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        with closing(sqlite3.connect(place.root / "rows.db")) as database:
            sound = database.execute("pragma integrity_check").fetchone()
            rows = database.execute("select number, word from rows order by number").fetchall()
        verify(sound == ("ok",), f"the database is sound: {sound}")
        wanted = [(number, _word(number)) for number in range(self.commits)]
        verify(rows == wanted, "the database has every row that was committed")


class Build(Workload):
    """Small sources with one header, two compilers at a time."""

    group = "everyday"
    name = "building a C program with make -j2"

    def __init__(self, sources: int) -> None:
        self.sources = sources

    def prepare(self, place: Place) -> None:
        place.empty("project")
        write_project(place.root / "project", self.sources)
        place.fresh()

    def run(self, place: Place) -> float:
        with clock() as seconds:
            command("make", "-s", "-j2", cwd=place.root / "project")
        return seconds[0]

    def check(self, place: Place) -> None:
        place.fresh()
        # Run from elsewhere: a mount need not let programs be run.
        program = place.base / "built"
        shutil.copyfile(place.root / "project" / "sum", program)
        program.chmod(0o700)
        wanted = sum(range(self.sources))
        verify(command(program).strip() == b"%d" % wanted, "the program that was built is right")
        place.empty("project")


def _word(number: int) -> str:
    return f"word {number} " * 10


def write_project(top: Path, sources: int) -> None:
    """Write a program of so many parts that prints the sum of their numbers."""
    top.mkdir()
    numbers = range(sources)
    names = " ".join(f"part{number}.o" for number in numbers)
    (top / "Makefile").write_text(
        f"sum: main.o {names}\n\t$(CC) -o $@ $^\n%.o: %.c parts.h\n\t$(CC) -O0 -c -o $@ $<\n"
    )
    declared = "".join(f"int part{number}(void);\n" for number in numbers)
    (top / "parts.h").write_text(f"#include <stdio.h>\n#include <string.h>\n{declared}")
    called = " + ".join(f"part{number}()" for number in numbers)
    (top / "main.c").write_text(
        f'#include "parts.h"\nint main(void) {{ printf("%d\\n", {called}); return 0; }}\n'
    )
    for number in numbers:
        padding = "".join(
            f'static const char *text{at} = "{"word " * 12}{at}";\n' for at in range(40)
        )
        (top / f"part{number}.c").write_text(
            f'#include "parts.h"\n{padding}'
            f"int part{number}(void) {{ return strlen(text0) ? {number} : -1; }}\n"
        )


class Unlock(Workload):
    """From the start of the program to a root that answers, with what deriving a key costs."""

    group = "everyday"
    name = "unlock"

    def prepare(self, place: Place) -> None:
        _ = place.costly
        place.settle()

    def run(self, place: Place) -> float:
        volume = place.costly
        try:
            seconds = mounted_after(volume)
            # It must really be the volume: an empty mount point would answer as well.
            path = volume.mountpoint / "proof"
            path.write_text("proof")
            verify(path.read_text() == "proof", "what is unlocked can be written to")
            verify(not (volume.cipherdir / "proof").exists(), "names are encrypted")
            os.unlink(path)
        except BaseException:
            volume.kill()
            raise
        volume.unmount()
        return seconds
