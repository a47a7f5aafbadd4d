"""Measure our mount against the real gocryptfs: `make bench`, as root.

Both programs do the same work in turn, on the same disk and with the same files, and who
goes first changes from round to round. A ratio is gocryptfs's time divided by ours in the
same round; what is reported is the median of the rounds. A whole run writes RESULTS.md.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mounting import Gocryptfs, MountedVolume, Vaultfs

from tests.bench import report
from tests.bench.workloads import Bench, Scale, Tree

RESULTS = Path(__file__).with_name("RESULTS.md")
REMARKS = Path(__file__).with_name("REMARKS.md")
PROGRAMS: dict[str, type[MountedVolume]] = {"gocryptfs": Gocryptfs, "vaultfs": Vaultfs}


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        print("bench drops the kernel's caches, which only root may do", file=sys.stderr)
        return 1
    scale = Scale.quick() if options.quick else Scale()
    rounds = options.rounds or (2 if options.quick else 5)
    with tempfile.TemporaryDirectory(prefix="vaultui-bench-", dir=options.directory) as name:
        base = Path(name)
        machine = report.machine(base)
        figures = _measure(base, scale, rounds, options)
        text = _text(figures, machine, rounds, options)
    print(text)
    whole = not (options.quick or options.only) and options.compared == "vaultfs"
    if whole and not options.no_write:
        RESULTS.write_text(text)
    return 0


def _measure(base: Path, scale: Scale, rounds: int, options: argparse.Namespace) -> report.Figures:
    tree = Tree(base, scale.tree_files)
    figures = report.Figures()
    benches = []
    for side, program in (("reference", options.reference), ("compared", options.compared)):
        folder = base / side
        folder.mkdir()
        # The default cost of scrypt: a mount that a person waits for is measured.
        volume = PROGRAMS[program](folder, init_options=("-scryptn", "16"))
        volume.create()
        volume.mount()
        benches.append((getattr(figures, side), Bench(volume, scale, tree), program))
    try:
        for number in range(rounds):
            order = benches if number % 2 == 0 else benches[::-1]
            for name in benches[0][1].workloads():
                if options.only and not any(word in name for word in options.only):
                    continue
                for times, bench, program in order:
                    seconds = bench.workloads()[name]()
                    times.setdefault(name, []).append(seconds)
                    print(
                        f"round {number + 1}  {program:10} {name:26} {seconds:8.3f} s", flush=True
                    )
                    peak = figures.memory_kib.get(program, 0)
                    figures.memory_kib[program] = max(peak, bench.volume.peak_memory_kib())
    finally:
        for _, bench, _ in benches:
            bench.volume.kill()
    return figures


def _text(
    figures: report.Figures, machine: list[str], rounds: int, options: argparse.Namespace
) -> str:
    memory = ", ".join(f"{name} {kib // 1024} MiB" for name, kib in figures.memory_kib.items())
    remarks = REMARKS.read_text() if REMARKS.exists() else ""
    return "\n".join(
        [
            "# What was measured",
            "",
            (
                f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}; {rounds} rounds"
                f"{', quick' if options.quick else ''}. Ratios above 1 mean that {options.compared}"
                " was faster."
            ),
            "",
            *machine,
            f"- Largest resident memory: {memory}",
            "",
            report.table(figures, options.reference, options.compared),
            "",
            remarks,
        ]
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small, noisy run")
    parser.add_argument("--rounds", type=int, help="default 5, quick 2")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="workloads with a word in them")
    parser.add_argument("--reference", choices=PROGRAMS, default="gocryptfs")
    parser.add_argument("--compared", choices=PROGRAMS, default="vaultfs")
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="on the disk to measure")
    parser.add_argument("--no-write", action="store_true", help=f"leave {RESULTS.name} alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
