"""One client of the soak: `soakclient.py KIND DIRECTORY SEED DEADLINE`, the last in monotonic time.

It works until then, checks what it reads against what it wrote, and says how much it did.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

_PAUSE_S = 0.01
"""Between two rounds: the load is to be long, and the machine somebody else's, too."""


def file(top: Path, dice: random.Random) -> None:
    """Keep one file equal to a bytearray through writes, cuts and reads."""
    path, model = top / "file", bytearray()
    path.write_bytes(b"")
    with path.open("r+b", buffering=0) as handle:
        for _ in range(50):
            at = dice.randrange(200_000)
            if dice.random() < 0.2:
                handle.truncate(at)
                del model[at:]
                model.extend(bytes(at - len(model)))
            else:
                data = dice.randbytes(dice.randrange(1, 40_000))
                os.pwrite(handle.fileno(), data, at)
                model.extend(bytes(max(0, at + len(data) - len(model))))
                model[at : at + len(data)] = data
        os.fsync(handle.fileno())
    assert path.read_bytes() == model, "the file is not what was written"


def tree(top: Path, dice: random.Random) -> None:
    """Build a tree with names of all lengths, move its parts about, and take it down."""
    own = top / f"tree {dice.random()}"
    folder = own
    for depth in range(4):
        folder = folder / (chr(97 + depth) * dice.choice((3, 120, 230)))
    folder.mkdir(parents=True)
    for number in range(20):
        name = f"{number}" + "n" * dice.choice((0, 50, 200))
        (folder / name).write_bytes(dice.randbytes(dice.randrange(9000)))
        os.link(folder / name, own / f"link {number}")
    (own / "pointer").symlink_to(folder)
    moved = own.with_name("moved" * dice.choice((1, 45)))
    with suppress(OSError):
        shutil.rmtree(moved)
    own.rename(moved)
    assert len(list(moved.rglob("*"))) == 4 + 20 + 20 + 1, "names are missing"
    shutil.rmtree(moved)


def walk(top: Path, dice: random.Random) -> None:
    """Look at everything there is, while the others change it."""
    for folder, _folders, names in os.walk(top.parent):
        for name in dice.sample(names, min(len(names), 20)):
            with suppress(FileNotFoundError):
                os.lstat(os.path.join(folder, name))


def log(top: Path, dice: random.Random) -> None:
    """Append lines to a log that another process appends to as well; none may be torn."""
    path = top.parent / "walked" / "log"
    mark = f"{os.getpid()}"
    with path.open("ab", buffering=0) as handle:
        for number in range(100):
            handle.write(f"{mark} {number} {'x' * dice.randrange(300)} end\n".encode())
    with path.open("r+b") as handle:
        fcntl.lockf(handle, fcntl.LOCK_EX)
        lines = handle.read().splitlines()
        assert all(line.endswith(b" end") for line in lines), "a line is torn"
        if len(lines) > 20_000:
            handle.truncate(0)


def database(top: Path, dice: random.Random) -> None:
    """Keep a database that is consistent after each transaction."""
    with closing(sqlite3.connect(top / "data.db", timeout=60)) as base:
        base.execute("create table if not exists t (a integer, b blob)")
        for number in range(10):
            with base:
                base.execute("insert into t values (?, ?)", (number, dice.randbytes(3000)))
                base.execute("delete from t where rowid < (select max(rowid) from t) - 200")
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)


def mapping(top: Path, dice: random.Random) -> None:
    """Change a file through a mapping, and read it without."""
    path, size = top / "mapped", 300_000
    path.write_bytes(bytes(size))
    with path.open("r+b") as handle, mmap.mmap(handle.fileno(), 0) as mapped:
        marks = [dice.randrange(size) for _ in range(200)]
        for at in marks:
            mapped[at] = 1 + at % 255
        mapped.flush()
        content = path.read_bytes()
    assert all(content[at] == 1 + at % 255 for at in marks), "a mapped byte is missing"


def churn(top: Path, dice: random.Random) -> None:
    """Make and remove many small files, each under a name that was never there before."""
    own = top / "churn"
    own.mkdir(exist_ok=True)
    names = [own / f"{dice.getrandbits(64):x}" for _ in range(100)]
    for name in names:
        name.write_bytes(b"small")
    assert {entry.name for entry in os.scandir(own)} == {name.name for name in names}
    for name in names:
        name.unlink()


_KINDS: dict[str, Callable[[Path, random.Random], None]] = {
    work.__name__: work for work in (file, tree, walk, log, database, mapping, churn)
}


def main(kind: str, directory: str, seed: str, deadline: str) -> None:
    top = Path(directory) / f"{kind} {seed}"
    top.mkdir()
    dice = random.Random(int(seed))
    rounds = 0
    while time.monotonic() < float(deadline):
        _KINDS[kind](top, dice)
        rounds += 1
        time.sleep(_PAUSE_S)
    print(f"{rounds} rounds")


if __name__ == "__main__":
    main(*sys.argv[1:])
