"""Measure our mount against the real gocryptfs and others: `make bench`, as root.

All programs do the same work in turn, on the same disk and with the same files, and who goes
first changes from workload to workload and from round to round. A whole run writes RESULTS.md.

    make bench ARGS="--quick --only-pair"          a look while developing, in minutes
    make bench ARGS="--only random,4KiB git"       workloads that one of the words names
    make bench ARGS="--compared /path/to/another"  a program with gocryptfs's command line
    make bench ARGS="--list"                       the workloads
    make bench ARGS="--resume"                     go on with a run that was interrupted
    make bench ARGS="--report"                     write the tables of the last run anew

Whatever fails is told, and the run with it: it ends with 1, though the rest is measured.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from programs import restore_interrupts

from tests.bench import (
    everyday,
    growth,
    latency,
    peers,
    plots,
    records,
    report,
    streams,
    trees,
)
from tests.bench.records import DONE, Finding, Heading, Measurement, Records
from tests.bench.study import Study
from tests.bench.workload import Place, Scale, Tools, Workload, chosen
from vaultui.linux import mounting, namespaces

RESULTS = Path(__file__).with_name("RESULTS.md")
PLOTS = Path(__file__).with_name("plots")
ROUNDS, QUICK_ROUNDS, BESIDE_ROUNDS, STUDY_ROUNDS = 5, 2, 2, 2
"""Those beside the two that are compared are measured in the first rounds only. So is what is no
ratio, of the two alone."""

LAST = Path("the last one")


def main() -> int:
    options = _options()
    scale = Scale.quick() if options.quick else Scale()
    workloads = chosen(
        [*streams.workloads(scale), *trees.workloads(scale), *everyday.workloads(scale)],
        options.only,
    )
    studies = [*growth.studies(options.quick), *latency.studies(options.quick)]
    # A look while developing is without them, unless they are asked for.
    studies = [] if options.quick and not options.only else chosen(studies, options.only)
    if options.list:
        print(*(f"{work.group}: {work.name}" for work in (*workloads, *studies)), sep="\n")
        return 0
    if options.report is not None:
        path = records.latest() if options.report == LAST else options.report
        if path is None:
            print(f"there is no run in {records.FOLDER}", file=sys.stderr)
            return 1
        return _report(Records.read(path), options)
    if os.geteuid() != 0:
        print("bench drops the kernel's caches, which only root may do", file=sys.stderr)
        return 1
    if not (workloads or studies):
        print("no workload has such a name; --list has them", file=sys.stderr)
        return 1
    try:
        kept = _records(options)
    except (peers.UnknownProgram, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    # Where others get a mount namespace of theirs meanwhile, a container for instance, they would
    # have our mounts in it, and no backend would end when it is unmounted here.
    namespaces.unshare("mount")
    mounting.make_private()
    # A run in the background is ended as one on a terminal is: with everything unmounted.
    restore_interrupts()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(
        prefix="vaultui-bench-", dir=options.directory, ignore_cleanup_errors=True
    ) as name:
        try:
            run(kept, workloads, studies, scale, Path(name))
        except KeyboardInterrupt:
            print(f"interrupted; --resume goes on with {kept.path}", file=sys.stderr)
            options.no_write = True
    return _report(kept, options)


def run(
    kept: Records, workloads: list[Workload], studies: list[Study], scale: Scale, base: Path
) -> None:
    """Measure what the records do not have yet."""
    heading = kept.heading
    pair = [heading.reference, heading.compared]
    tools = Tools(base / "tools", scale)
    with _places(base, scale, tools) as places:
        for number in range(heading.settings["rounds"]):
            for at, workload in enumerate(workloads):
                order = pair if (number + at) % 2 == 0 else pair[::-1]
                if number < (1 if heading.settings["quick"] else BESIDE_ROUNDS):
                    order = [*order, *heading.beside]
                for program in order:
                    if workload.name in peers.LACKS.get(program, ()):
                        continue
                    if not kept.has(number, workload.name, program):
                        _measure(kept, workload, places, program, number)
        for number in range(min(STUDY_ROUNDS, heading.settings["rounds"])):
            for study in studies:
                for program in pair if number % 2 == 0 else pair[::-1]:
                    if not kept.has_found(number, study.name, program):
                        _study(kept, study, places, program, number)


def _study(kept: Records, study: Study, places: _Places, program: str, number: int) -> None:
    def find(series: str, at: int, value: float, unit: str, failed: str = "") -> None:
        kept.find(Finding(study.name, series, at, program, value, unit, number, failed))
        told = f"FAILED: {failed}" if failed else f"{series}, {at}: {value:.1f} {unit}"
        print(f"round {number + 1}  {Path(program).name:10} {study.name:30} {told}", flush=True)

    try:
        for figure in study.measure(places[program]):
            find(*figure)
    except Exception as error:
        find("", 0, 0, "", " ".join(f"{error}".split()) or type(error).__name__)
        places.failed(program)
    else:
        kept.find(Finding(study.name, DONE, 0, program, 0, "", number))


def _measure(kept: Records, workload: Workload, places: _Places, program: str, number: int) -> None:
    try:
        measured = measure(workload, places[program], number)
    except Exception as error:
        # Whatever it was, the rest is still worth measuring; the run fails in the end.
        sentence = " ".join(f"{error}".split()) or type(error).__name__
        measured = Measurement(number, workload.group, workload.name, program, failed=sentence)
        places.failed(program)
    kept.add(measured)
    told = f"FAILED: {measured.failed}" if measured.failed else f"{measured.seconds:8.3f} s"
    print(f"round {number + 1}  {Path(program).name:10} {workload.name:44} {told}", flush=True)


def measure(workload: Workload, place: Place, number: int) -> Measurement:
    """Do a workload once, and have it checked. Raises what it raises."""
    place.peak_kib = 0
    workload.prepare(place)
    before = peers.cpu_s(place.volume)
    seconds = workload.run(place)
    spent = peers.cpu_s(place.volume) - before
    place.note_peak()
    workload.check(place)
    place.note_peak()
    return Measurement(
        number,
        workload.group,
        workload.name,
        place.program,
        seconds,
        spent,
        workload.moved,
        place.peak_kib,
    )


class _Places:
    """The places of all programs, made when they are first needed."""

    def __init__(self, base: Path, scale: Scale, tools: Tools) -> None:
        self._base, self._scale, self._tools = base, scale, tools
        self._places: dict[str, Place] = {}
        self._made = 0

    def __getitem__(self, program: str) -> Place:
        if program not in self._places:
            self._made += 1
            base = self._base / f"{self._made}-{Path(program).name}"
            self._places[program] = Place(program, base, self._scale, self._tools)
        return self._places[program]

    def failed(self, program: str) -> None:
        """Have the next workload find a mount that works, if that can be."""
        place = self._places.get(program)
        if place is not None:
            try:
                place.again()
            except Exception as error:
                print(f"{program} cannot be mounted any more, a new volume is made: {error}")
                self._places.pop(program).volume.kill()

    def close(self) -> None:
        with contextlib.ExitStack() as everything:
            for place in self._places.values():
                everything.callback(place.volume.kill)


@contextlib.contextmanager
def _places(base: Path, scale: Scale, tools: Tools) -> Iterator[_Places]:
    places = _Places(base, scale, tools)
    try:
        yield places
    finally:
        places.close()


def _records(options: argparse.Namespace) -> Records:
    """Return new records, or those of the last run to go on with."""
    settings = {
        "rounds": options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS),
        "quick": options.quick,
        "only": options.only or [],
    }
    beside = options.peers or ([] if options.only_pair else peers.installed(peers.BESIDE))
    both = (options.reference, options.compared)
    if options.reference == options.compared:
        raise ValueError("to compare a program with itself, give one of the two as a path")
    beside = [program for program in beside if program not in both]
    if options.resume:
        path = records.latest()
        if path is None:
            raise ValueError(f"there is nothing in {records.FOLDER} to go on with")
        kept = Records.read(path)
        then = (kept.heading.reference, kept.heading.compared)
        if kept.heading.settings != settings or then != both:
            raise ValueError(
                f"{path} was begun with {kept.heading.settings} for {' and '.join(then)};"
                " go on with the same"
            )
        kept.go_on()
        return kept
    for program in (*both, *beside):
        peers.maker(program)
    machine = [
        *report.machine(Path(options.directory)),
        *(
            f"- {program}: {peers.version(program)}"
            for program in (*both, *beside)
            if program not in ("gocryptfs", peers.OURS, "disk")
        ),
    ]
    now = datetime.now(UTC)
    heading = Heading(*both, beside, settings, machine, f"{now:%Y-%m-%d}")
    return Records.begin(records.FOLDER / f"{now:%Y%m%d-%H%M%S}.jsonl", heading)


def _report(kept: Records, options: argparse.Namespace) -> int:
    text = report.text(kept)
    print(text)
    heading = kept.heading
    whole = not (heading.settings["quick"] or heading.settings["only"])
    wanted = options.write or (whole and not options.no_write)
    if wanted and heading.compared == peers.OURS:
        RESULTS.write_text(text)
        plots.write(kept, PLOTS)
    failures = kept.failures()
    for failure in failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a small, noisy run")
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}, quick {QUICK_ROUNDS}")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="workloads with a word in them")
    parser.add_argument("--list", action="store_true", help="name the workloads and end")
    parser.add_argument("--reference", default="gocryptfs", metavar="PROGRAM", help="name or path")
    parser.add_argument("--compared", default=peers.OURS, metavar="PROGRAM", help="name or path")
    parser.add_argument("--peers", nargs="+", metavar="PROGRAM", help="others, beside the two")
    parser.add_argument("--only-pair", action="store_true", help="no others")
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="on the disk to measure")
    parser.add_argument("--resume", action="store_true", help="go on with the last run")
    parser.add_argument(
        "--report",
        nargs="?",
        type=Path,
        const=LAST,
        metavar="FILE",
        help="only write the tables of a run, the last one if none is named",
    )
    parser.add_argument(
        "--write", action="store_true", help=f"write {RESULTS.name} though the run is not whole"
    )
    parser.add_argument("--no-write", action="store_true", help=f"leave {RESULTS.name} alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
