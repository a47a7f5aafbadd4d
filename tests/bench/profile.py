"""Where the time of a request goes: `make profile`, as root.

For each kind of request a program makes one call after the other that causes it, in a fresh
mount, and what is measured is the processor time of the backend. That hardly depends on what
else the machine does, as the time on the wall does. All programs take turns, round by round:
gocryptfs, ours in Python alone (`VAULTFS_HOTPATH=off`) and, where it was compiled, ours with
its hot path.

What a call leads to is counted in runs of their own, because counting costs time: requests of
the kernel (-trace), system calls (strace), calls of Python functions (-cpuprofile), and in whose
code the time is spent (perf). The figures go between the two marks in PROFILE.md.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import pstats
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mounting import Gocryptfs, MountedVolume, Vaultfs

from tests.bench.report import machine
from tests.bench.requests import KINDS, Kind

RESULTS = Path(__file__).with_name("PROFILE.md")
MARKS = ("<!-- figures, written by `make profile` -->", "<!-- end of the figures -->")
COUNTED_CALLS = 256
"""Calls of a run that only counts."""
QUIET_S, QUIET_CPU_S = 0.03, 0.0005
"""A backend that took less than that for as long has answered everything."""
_TICK = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Program:
    name: str
    volume: type[MountedVolume]
    hot: bool = True


@dataclass
class Figures:
    """What was measured of one kind, by program, for each call."""

    cpu_us: dict[str, list[float]] = field(default_factory=dict)
    user: dict[str, float] = field(default_factory=dict)
    ticks: dict[str, float] = field(default_factory=dict)
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    system_calls: dict[str, Counter[str]] = field(default_factory=dict)
    python_calls: float = 0.0
    places: dict[str, dict[str, float]] = field(default_factory=dict)


def main() -> int:
    options = _options()
    if os.geteuid() != 0:
        print("profile empties the kernel's caches, which only root may do", file=sys.stderr)
        return 1
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    programs = [Program("gocryptfs", Gocryptfs), Program("Python", Vaultfs, hot=False)]
    if (
        importlib.util.find_spec("vaultui.mountd.hotpath._hotpath") is not None
        and not options.python
    ):
        programs.append(Program("hot path", Vaultfs))
    kinds = [
        kind for kind in KINDS if not options.only or any(w in kind.name for w in options.only)
    ]
    found: dict[str, Figures] = {}
    text = ""
    with tempfile.TemporaryDirectory(prefix="vaultui-profile-", dir=options.directory) as name:
        base = Path(name)
        lines = machine(base)
        for kind in kinds:
            figures = found[kind.name] = Figures()
            for number in range(options.rounds):
                order = programs if number % 2 == 0 else programs[::-1]
                for program in order:
                    _time(base, program, kind, figures)
            if not options.times:
                for program in programs:
                    _count(base, program, kind, figures)
                if kind.besides in found:
                    figures.python_calls -= found[kind.besides].python_calls
            print(_row(kind.name, figures, programs), flush=True)
            text = _text(found, programs, lines, options.rounds)
            if not (options.only or options.times or options.no_write):
                # After each one: it takes long, and may be interrupted.
                _write(text)
    print(text)
    return 0


@contextlib.contextmanager
def _at_work(
    base: Path, program: Program, kind: Kind, calls: int, *options: str
) -> Iterator[tuple[MountedVolume, Callable[[], None]]]:
    """Yield a mount that is warm, and what makes the calls and waits for the backend."""
    home = Path(tempfile.mkdtemp(dir=base))
    os.environ["VAULTFS_HOTPATH"] = "on" if program.hot else "off"
    volume = program.volume(home)
    volume.create()
    volume.mount()
    try:
        work = kind.make(volume.mountpoint, calls)
        next(work)
        volume.unmount()
        volume.mount_options = options
        volume.mount()
        next(work)
        _quiet(volume)

        def run() -> None:
            next(work)
            _quiet(volume)

        yield volume, run
        next(work, None)
        volume.unmount()
    finally:
        volume.kill()
        shutil.rmtree(home)


def _time(base: Path, program: Program, kind: Kind, figures: Figures) -> None:
    with _at_work(base, program, kind, kind.calls) as (volume, run):
        pid = _pid(volume)
        user, system = _ticks(pid)
        began = _cpu_s(pid)
        run()
        used = _cpu_s(pid) - began
        user_after, system_after = _ticks(pid)
    figures.cpu_us.setdefault(program.name, []).append(used / kind.calls * 1e6)
    figures.user[program.name] = figures.user.get(program.name, 0) + user_after - user
    spent = user_after - user + system_after - system
    figures.ticks[program.name] = figures.ticks.get(program.name, 0) + spent


def _count(base: Path, program: Program, kind: Kind, figures: Figures) -> None:
    calls = min(kind.calls, COUNTED_CALLS)
    figures.requests[program.name] = _requests(base, program, kind, calls)
    figures.system_calls[program.name] = _system_calls(base, program, kind, calls)
    if program.volume is Vaultfs:
        figures.places[program.name] = _places(base, program, kind)
    if not program.hot:
        figures.python_calls = _python_calls(base, program, kind, calls)


def _requests(base: Path, program: Program, kind: Kind, calls: int) -> Counter[str]:
    """Return the requests of one call, by name."""
    with _at_work(base, program, kind, calls, "-fusedebug") as (volume, run):
        before = len(volume.log)
        run()
        told = volume.log[before:]
    # "rx 12: LOOKUP …" of both; go-fuse has "rx 12: LOOKUP n1 …", too.
    names = re.findall(r"\brx \d+: ([A-Z_]+)", told)
    return Counter({name: number / calls for name, number in Counter(names).items()})


def _system_calls(base: Path, program: Program, kind: Kind, calls: int) -> Counter[str]:
    """Return the system calls of one call, by name, of all threads."""
    summary = base / "strace"
    with _at_work(base, program, kind, calls) as (volume, run):
        words = ("strace", "-f", "-c", "-o", summary, "-p", str(_pid(volume)))
        with subprocess.Popen(words, stderr=subprocess.PIPE) as strace:
            assert strace.stderr is not None
            strace.stderr.readline()  # "attached": from here on it counts
            run()
            strace.send_signal(signal.SIGINT)
    counts: Counter[str] = Counter()
    for line in summary.read_text().splitlines():
        words_of = line.split()
        if len(words_of) >= 5 and words_of[3].isdigit() and words_of[-1] != "total":
            counts[words_of[-1]] = int(words_of[3]) / calls
    return counts


def _python_calls(base: Path, program: Program, kind: Kind, calls: int) -> float:
    """Return how many functions, of Python and in C, are called from Python for one call."""

    def total(wanted: int) -> int:
        path = base / "calls.prof"
        with _at_work(base, program, kind, wanted, f"-cpuprofile={path}") as (_, run):
            run()
        return pstats.Stats(str(path)).total_calls  # type: ignore[attr-defined]

    few = max(1, calls // 8)
    return (total(calls) - total(few)) / (calls - few)


_OWNERS = {
    "[kernel.kallsyms]": "kernel",
    "libpython": "Python",
    "python": "Python",
    "libcrypto": "AES, names",
    "_rust": "AES, names",
    "_openssl": "hot path",
    "_hotpath": "hot path",
    "libfuse": "libfuse, pyfuse3",
    "pyfuse3": "libfuse, pyfuse3",
    "__init__": "libfuse, pyfuse3",
    "libc": "libc",
}
"""By the beginning of the name of a shared object."""


def _places(base: Path, program: Program, kind: Kind) -> dict[str, float]:
    """Return in whose code the processor time was spent, in per cent; empty without perf."""
    if shutil.which("perf") is None:
        return {}
    data = base / "perf.data"
    with _at_work(base, program, kind, kind.calls) as (volume, run):
        words = ("perf", "record", "-q", "-e", "cpu-clock", "-F", "8000", "-o", data)
        asked, asking = os.pipe()
        told, telling = os.pipe()
        with subprocess.Popen(
            (*words, "-D", "-1", f"--control=fd:{asked},{telling}", "-p", str(_pid(volume))),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(asked, telling),
        ) as perf:  # fmt: skip
            os.write(asking, b"enable\n")
            os.read(told, 16)  # "ack": from here on it records
            run()
            perf.send_signal(signal.SIGINT)
        for fd in (asked, asking, told, telling):
            os.close(fd)
    report = subprocess.run(
        ("perf", "report", "-q", "--sort", "dso", "-i", data, "--stdio"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    data.unlink()
    shares: dict[str, float] = {}
    for line in report.stdout.splitlines():
        found = re.match(r"\s*([\d.]+)%\s+(\S+)", line)
        if found:
            owner = next(
                (own for start, own in _OWNERS.items() if found[2].startswith(start)), "rest"
            )
            shares[owner] = shares.get(owner, 0.0) + float(found[1])
    return shares


def _pid(volume: MountedVolume) -> int:
    assert volume.process is not None
    return volume.process.pid


def _cpu_s(pid: int) -> float:
    """Return the processor time of all threads of a process, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid(3) makes


def _ticks(pid: int) -> tuple[float, float]:
    """Return what of it was spent in the program, and what in the kernel, to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) * _TICK, int(fields[12]) * _TICK


def _quiet(volume: MountedVolume) -> None:
    """Wait until the backend does nothing: some requests have no answer to wait for."""
    pid = _pid(volume)
    for _ in range(200):
        before = _cpu_s(pid)
        time.sleep(QUIET_S)
        if _cpu_s(pid) - before < QUIET_CPU_S:
            return


def _row(name: str, figures: Figures, programs: list[Program]) -> str:
    theirs = statistics.median(figures.cpu_us["gocryptfs"])
    cells = [name]
    for program in programs:
        total = statistics.median(figures.cpu_us[program.name])
        share = figures.user[program.name] / (figures.ticks[program.name] or 1)
        ratio = "" if program.name == "gocryptfs" else f" (**{theirs / total:.2f}**)"
        cells.append(f"{total:.1f}{ratio}")
        cells.append(f"{total * share:.0f} + {total * (1 - share):.0f}")
    return f"| {' | '.join(cells)} |"


def _times_table(found: dict[str, Figures], programs: list[Program]) -> Iterator[str]:
    heads = "".join(f" {program.name} | user + system |" for program in programs)
    yield f"| µs for each call |{heads}"
    yield "|---|" + "---:|---:|" * len(programs)
    for name, figures in found.items():
        yield _row(name, figures, programs)


def _counts_table(found: dict[str, Figures], programs: list[Program]) -> Iterator[str]:
    heads = "".join(f" {program.name} |" for program in programs)
    yield (
        f"| for each call | requests | of gocryptfs | Python calls |{heads} system calls of ours |"
    )
    yield "|---|---|---|---:|" + "---:|" * len(programs) + "---|"
    ours = programs[-1].name
    for name, figures in found.items():
        cells = [
            _counted(figures.requests[ours]),
            _counted(figures.requests["gocryptfs"]),
            f"{figures.python_calls:.0f}",
            *(f"{figures.system_calls[p.name].total():.1f}" for p in programs),
            _counted(figures.system_calls[ours]),
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def _places_table(found: dict[str, Figures], program: Program) -> Iterator[str]:
    owners = list(dict.fromkeys([*_OWNERS.values(), "rest"]))
    yield f"| {program.name}: % of the time in |" + "".join(f" {owner} |" for owner in owners)
    yield "|---|" + "---:|" * len(owners)
    for name, figures in found.items():
        shares = figures.places.get(program.name, {})
        yield f"| {name} |" + "".join(f" {shares.get(owner, 0):.0f} |" for owner in owners)


def _counted(counts: Counter[str]) -> str:
    """Return the larger ones of what one call leads to."""
    words = []
    for name, number in counts.most_common():
        if number >= 0.05:
            words.append(name.lower() if 0.95 < number < 1.05 else f"{number:.1f} {name.lower()}")
    return ", ".join(words) or "—"


def _text(found: dict[str, Figures], programs: list[Program], lines: list[str], rounds: int) -> str:
    parts = [
        f"Written by `make profile` on {datetime.now(UTC):%Y-%m-%d}; middle of {rounds} rounds.",
        "",
        *lines,
        "",
        "Processor time of the backend; in brackets, that of gocryptfs divided by ours:",
        "",
        *_times_table(found, programs),
    ]
    if all(figures.requests for figures in found.values()):
        parts += ["", "What a call leads to:", "", *_counts_table(found, programs)]
        for program in programs:
            if program.volume is Vaultfs:
                parts += ["", *_places_table(found, program)]
    return "\n".join(parts)


def _write(text: str) -> None:
    before = RESULTS.read_text()
    head, _, rest = before.partition(MARKS[0])
    _, _, tail = rest.partition(MARKS[1])
    RESULTS.write_text(f"{head}{MARKS[0]}\n\n{text}\n\n{MARKS[1]}{tail}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make profile", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="WORD", help="kinds with a word in them")
    parser.add_argument("--times", action="store_true", help="measure, and count nothing")
    parser.add_argument("--python", action="store_true", help="leave the hot path out")
    parser.add_argument("--directory", default=tempfile.gettempdir(), help="on the disk to measure")
    parser.add_argument("--no-write", action="store_true", help=f"leave {RESULTS.name} alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
