"""Run the drills: `make drills`, twenty minutes in all.

Each drill has a section in RESULTS.md, of its last run in full length. A run that is given a
seed, a number of rounds or less time than it wants leaves that file alone.
"""

from __future__ import annotations

import argparse
import os
import pkgutil
import random
import signal
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import capabilities
import leftovers
from programs import restore_interrupts

from tests import drills
from tests.bench import report
from tests.drills.harness import Drill, Row, Session

RESULTS = Path(__file__).with_name("RESULTS.md")
WHOLE_RUN_MINUTES = 20.0
_INTRODUCTION = """\
# What the drills found

Written by `make drills` and `make soak`; each section tells of the last full run of one drill. A
drill that finds a lost byte, or anything else that must not happen, in our program fails, and
says which seed repeats it: `make drills ARGS="--only NAME --seed N --rounds 1"`. All choices come
from the seed; how fast the machine is in between does not.
"""


def main() -> int:
    restore_interrupts()
    # As an interrupt does: what is mounted for a drill is swept.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    known = _all_drills()
    options = _options([drill.name for drill in known])
    chosen = [
        drill
        for drill in known
        if (drill.name in options.only if options.only else not drill.apart)
    ]
    time_in_all = sum(drill.minutes for drill in chosen)
    bound = time_in_all if options.only else min(time_in_all, WHOLE_RUN_MINUTES)
    scale = (options.minutes or bound) / time_in_all
    sections = {}
    failed = False
    for drill in chosen:
        sections[drill.title], ok = _run(drill, drill.minutes * scale, options)
        failed = failed or not ok
        print(sections[drill.title], flush=True)
    if options.seed is options.rounds is None and scale >= bound / time_in_all:
        _write(sections, [drill.title for drill in known])
    return 1 if failed else 0


def _all_drills() -> list[Drill]:
    names = sorted(module.name for module in pkgutil.iter_modules(drills.__path__))
    modules = [import_module(f"tests.drills.{name}") for name in names if name != "__main__"]
    return [module.DRILL for module in modules if hasattr(module, "DRILL")]


def _run(drill: Drill, minutes: float, options: argparse.Namespace) -> tuple[str, bool]:
    """Return the section of a drill, and whether it found our program as it should be."""
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    heading = f"## {drill.title}\n"
    if absent := [reason for need in drill.needs if (reason := capabilities.missing(need))]:
        return f"{heading}\nNot run: {', '.join(absent)}.\n", not capabilities.in_ci()
    with tempfile.TemporaryDirectory(
        prefix=f"vaultui-drill-{drill.name}-", dir=options.directory
    ) as name:
        base = Path(name)
        where = _where(base)
        session = Session(
            base,
            seed,
            minutes,
            options.rounds,
            say=lambda line: print(f"{drill.name}: {line}", flush=True),
        )
        session.say(f"seed {seed}, {minutes:.1f} minutes")
        rows: list[Row] = []
        crash = ""
        try:
            rows = list(drill.run(session))
        except Exception:  # a result like others: the next drills go on, and the run fails
            crash = traceback.format_exc()
        else:
            for line in leftovers.after_grace(base):
                session.found(session.peers.ours, f"left behind: {line}", seed)
        finally:
            leftovers.sweep(base)
    failures = [f"- seed {finding.seed}: {finding.sentence}" for finding in session.failures()]
    parts = [
        heading,
        f"{where}, seed {seed}.\n",
        _table(rows),
        *(["**Found in our program:**\n", "\n".join(failures) + "\n"] if failures else []),
        *([f"**The drill itself failed:**\n\n```\n{crash}```\n"] if crash else []),
    ]
    return "\n".join(parts), not (failures or crash)


def _where(base: Path) -> str:
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {report.commit()}, {os.cpu_count()} cores"
        f" with a load of {os.getloadavg()[0]:.1f}, {report.file_system(base)}"
    )


def _table(rows: list[Row]) -> str:
    lines = ["| | vaultfs | gocryptfs | |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(cell.replace('|', chr(0xA6)) for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _write(sections: dict[str, str], order: list[str]) -> None:
    """Put the sections in the place of older ones of the same drills."""
    kept: dict[str, str] = {}
    if RESULTS.exists():
        for part in RESULTS.read_text().split("\n## ")[1:]:
            kept[part.partition("\n")[0]] = f"## {part.rstrip()}\n"
    kept |= sections
    parts = [kept[title] for title in order if title in kept]
    RESULTS.write_text("\n".join([_INTRODUCTION, *parts]))


def _options(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make drills", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names, help=", ".join(names))
    parser.add_argument("--seed", type=int, help="of the first round; chosen by chance otherwise")
    parser.add_argument("--rounds", type=int, help="of each drill")
    parser.add_argument("--minutes", type=float, help="for all that is run")
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="on the disk to use")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
