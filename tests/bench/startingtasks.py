"""What a task costs before it runs and after it: `make bench-starting`.

    open       vaultui run, with the vault open, against a plain subprocess
    private    vaultui run --private, against gocryptfs, the command and fusermount -u
    locked     vaultui run, which unlocks the vault and locks it again, against the same

The command is /bin/true. Both sides work in turn on one volume, with the default cost of scrypt,
and who goes first changes from round to round. A whole run writes STARTING.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mounting import Gocryptfs
from programs import private_home, program

from tests.bench.report import machine

RESULTS = Path(__file__).with_name("STARTING.md")
COMMAND = "/bin/true"
NAME = "Work"
ROUNDS = 15

REMARKS = """\
## Remarks

- A plain subprocess is what the kernel takes to start a program and to tell its end.
- Most of `vaultui run` is the start of two interpreters, one after the other, with their modules:
  that of the front end, and that of the launcher, which becomes the keeper of the task.
- gocryptfs stays in the background there, and nobody waits for its end: it is gone from the mount
  table when `fusermount -u` returns. `vaultui run` returns when everything of the task is put away.
"""


@dataclass
class Comparison:
    name: str
    reference: str
    compared: str
    theirs: Callable[[], None]
    ours: Callable[[], None]
    their_seconds: list[float] = field(default_factory=list)
    our_seconds: list[float] = field(default_factory=list)

    def round(self, number: int) -> None:
        """Do the work of both sides once, in an order that changes."""
        sides = [(self.theirs, self.their_seconds), (self.ours, self.our_seconds)]
        for work, seconds in sides if number % 2 else sides[::-1]:
            began = time.monotonic()
            work()
            seconds.append(time.monotonic() - began)

    def rows(self) -> Iterator[str]:
        ratio = statistics.median(self.our_seconds) / statistics.median(self.their_seconds)
        yield f"| {self.name} | {self.reference} | {_times(self.their_seconds)} | 1 |"
        yield f"| | {self.compared} | {_times(self.our_seconds)} | **{ratio:.1f}** |"


def main() -> int:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="vaultui-starting-", dir="/tmp") as name:
        base = Path(name)
        os.environ.update(private_home(base))
        # Whoever has this set would have everything compiled anew in each round.
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        lines = machine(base)
        comparisons = []
        measures = (
            _open(base),
            _against_gocryptfs(base, "private", "--private"),
            _against_gocryptfs(base, "locked"),
        )
        for measure in measures:
            with measure as comparison:
                comparisons.append(comparison)
                for number in range(options.rounds + 1):
                    comparison.round(number)
            # The first round may have written bytecode, and read everything from the disk.
            del comparison.their_seconds[0], comparison.our_seconds[0]
            print(*comparison.rows(), sep="\n", flush=True)
    text = _text(lines, comparisons, options.rounds)
    print(text)
    if not options.no_write:
        RESULTS.write_text(text)
    return 0


@contextmanager
def _open(base: Path) -> Iterator[Comparison]:
    volume, password = _volume(base / "open")
    _run(program("vaultui"), "unlock", NAME, "--password-file", password)
    try:
        yield Comparison(
            "open",
            "`true`",
            "`vaultui run Work -- true`",
            lambda: _run(COMMAND),
            lambda: _run(program("vaultui"), "run", NAME, "--", COMMAND),
        )
    finally:
        _run(program("vaultui"), "lock", NAME, "--kill")
        _forget(volume)


@contextmanager
def _against_gocryptfs(base: Path, name: str, *words: str) -> Iterator[Comparison]:
    volume, password = _volume(base / name)

    def theirs() -> None:
        _run("gocryptfs", "-q", "-passfile", password, volume.cipherdir, volume.mountpoint)
        _run(COMMAND)
        _run("fusermount", "-u", volume.mountpoint)

    def ours() -> None:
        asked = ("run", *words, "--password-file", password, NAME, "--", COMMAND)
        _run(program("vaultui"), *asked)

    yield Comparison(
        name,
        "`gocryptfs …; true; fusermount -u …`",
        f"`vaultui run {' '.join((*words, NAME))} -- true`",
        theirs,
        ours,
    )
    _forget(volume)


def _volume(folder: Path) -> tuple[Gocryptfs, Path]:
    """Return a volume that both sides open, known as NAME, and the file with its password."""
    folder.mkdir()
    volume = Gocryptfs(folder, init_options=("-scryptn", "16"))
    volume.create()
    volume.mountpoint.mkdir(exist_ok=True)
    password = folder / "password"
    password.write_bytes(volume.password + b"\n")
    _run(program("vaultui"), "add", volume.cipherdir, "--name", NAME)
    return volume, password


def _forget(volume: Gocryptfs) -> None:
    _run(program("vaultui"), "forget", NAME)


def _run(*words: str | Path) -> None:
    done = subprocess.run(
        words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"{words} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _times(seconds: list[float]) -> str:
    low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
    return f"{_ms(middle)} | {_ms(low)} to {_ms(high)}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def _text(lines: list[str], comparisons: list[Comparison], rounds: int) -> str:
    return "\n".join(
        [
            "# What it costs to start a task",
            "",
            f"Written by `make bench-starting` on {datetime.now(UTC):%Y-%m-%d}; {rounds} rounds.",
            "",
            *lines,
            "",
            "| vault | what | median | smallest to largest | ratio |",
            "|---|---|---:|---:|---:|",
            *(row for comparison in comparisons for row in comparison.rows()),
            "",
            REMARKS,
        ]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-starting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--no-write", action="store_true", help=f"leave {RESULTS.name} alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
