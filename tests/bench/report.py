"""The figures of a run as tables that a person reads, and the machine that they are from."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.figures import Figures, quartiles
from tests.bench.records import DONE, Finding, Heading, Records

REMARKS = Path(__file__).with_name("REMARKS.md")
QUICK = "**A quick run: it tries the benchmark, and its figures are not to be quoted.**"
MORE_KIB = 40 << 10
"""What we may need more than the reference."""
PERCENTILES = (50, 99, 100)
ASKED_MS = {
    "stat": 20.0,
    "ls": 20.0,
    "control socket, a path": 50.0,
    "control socket, status": 50.0,
}
"""What 99 percent of the answers are asked to be within."""


def text(records: Records) -> str:
    """Return all of RESULTS.md."""
    return "\n".join(lines(records)) + "\n"


def lines(records: Records) -> Iterator[str]:
    heading = records.heading
    figures = Figures(records.measurements, heading.reference)
    settings = heading.settings
    yield from (
        "# What was measured",
        "",
        (
            f"Written by `make bench` on {heading.day}; {_rounds(settings)}"
            f"{', quick' if settings['quick'] else ''}. A ratio is {named(heading.reference)}'s"
            f" time divided by the other's in the same round: above 1 the other was faster, and"
            f" what is given is the median of the rounds."
        ),
        "",
        *([QUICK, ""] if settings["quick"] else []),
        *heading.machine,
        "",
    )
    if records.failures():
        yield from ("## What failed", "", *(f"- {failure}" for failure in records.failures()), "")
    if figures.groups:
        yield from summary(figures, heading.compared)
        yield from ("", "![Ratios of all workloads and programs](plots/ratios.svg)", "")
        for group in dict.fromkeys(figures.groups.values()):
            yield from ("", f"## {_title(group)}", "")
            yield from table(figures, heading.compared, group)
        if heading.beside:
            yield from ("", "## All programs", "")
            yield from all_programs(figures, heading)
        yield from ("", "## Memory", "")
        yield from memory(figures, heading)
    if records.findings:
        yield from ("", "## Growth", "")
        yield from growth(records)
        yield from ("", "## Latency", "")
        yield from latencies(records)
    if REMARKS.exists():
        yield from ("", REMARKS.read_text().rstrip())


def summary(figures: Figures, compared: str) -> Iterator[str]:
    """Say what was asked: how much faster, what is slower, how much memory."""
    mean = figures.mean(compared)
    slower = figures.slower(compared)
    if mean is None:
        return
    theirs, ours = figures.peak_kib(figures.reference), figures.peak_kib(compared)
    most = _mib(theirs + MORE_KIB)
    yield from (
        f"| what | {named(figures.reference)} | {named(compared)} | asked for |",
        "|---|---:|---:|---:|",
        f"| geometric mean of all ratios | 1 | **{mean:.2f}** | at least 2 |",
        f"| workloads that are slower | | **{len(slower)} of {len(figures.groups)}** | 0 |",
        f"| largest memory | {_mib(theirs)} | **{_mib(ours)}** | at most {most} |",
    )
    for group in dict.fromkeys(figures.groups.values()):
        its = figures.mean(compared, group)
        if its is not None:
            yield f"| geometric mean, {group} | 1 | {its:.2f} | |"


def table(figures: Figures, compared: str, group: str) -> Iterator[str]:
    """Return the comparison of the two, workload by workload."""
    both = (figures.reference, compared)
    names = figures.workloads(group)
    counted = any(figures.cpu_s_per_gb(name, compared) is not None for name in names)
    head = ["workload", *map(named, both), "ratio", "quartiles"]
    if counted:
        head += [f"CPU of {named(program)}" for program in both]
    yield f"| {' | '.join(head)} |"
    yield f"|---|{'---:|' * (len(head) - 1)}"
    for name in names:
        ratios = figures.ratios(name, compared)
        cells = [name, *(_seconds(figures.seconds(name, program)) for program in both)]
        if ratios:
            low, high = quartiles(ratios)
            cells += [f"**{figures.ratio(name, compared):.2f}**", f"{low:.2f} to {high:.2f}"]
        else:
            cells += ["", ""]
        if counted:
            cells += [_cpu_of(figures, name, program) for program in both]
        yield f"| {' | '.join(cells)} |"
    if counted:
        yield from ("", "CPU is what the mount's processes took for a GB, in seconds.")


def all_programs(figures: Figures, heading: Heading) -> Iterator[str]:
    """Return the ratios of all programs to the reference."""
    programs = [heading.compared, *heading.beside]
    yield f"| ratio to {named(heading.reference)} | {' | '.join(map(named, programs))} |"
    yield f"|---|{'---:|' * len(programs)}"
    for name in figures.workloads():
        ratios = [_ratio(figures.ratio(name, program)) for program in programs]
        yield f"| {name} | {' | '.join(ratios)} |"
    means = [_ratio(figures.mean(program)) for program in programs]
    yield f"| **geometric mean** | {' | '.join(means)} |"


def memory(figures: Figures, heading: Heading) -> Iterator[str]:
    """Return the largest memory of each program's processes in each group."""
    programs = [
        program
        for program in (heading.reference, heading.compared, *heading.beside)
        if figures.peak_kib(program)
    ]
    yield f"| largest resident memory | {' | '.join(map(named, programs))} |"
    yield f"|---|{'---:|' * len(programs)}"
    for group in dict.fromkeys(figures.groups.values()):
        yield f"| {group} | {' | '.join(_mib(figures.peak_kib(p, group)) for p in programs)} |"


def growth(records: Records) -> Iterator[str]:
    """Return a table for each study that has a line of figures for each program."""
    both = (records.heading.reference, records.heading.compared)
    found = medians(records.findings)
    studies = dict.fromkeys(key[0] for key in found)
    for study in studies:
        mine = {key[1:]: value for key, value in found.items() if key[0] == study}
        if {unit for _, unit in mine.values()} <= {"ms"}:
            continue
        yield from (f"![{study}](plots/{plot_name(study)}.svg)", "")
        yield f"| {study} | | {' | '.join(map(named, both))} | ratio |"
        yield "|---|---:|---:|---:|---:|"
        for series, at in dict.fromkeys((key[0], key[1]) for key in mine):
            values = [mine.get((series, at, program)) for program in both]
            shown = [_figure(value) for value in values]
            yield f"| {series} | {at_shown(study, at)} | {' | '.join(shown)} | {_better(*values)} |"
        yield ""


def latencies(records: Records) -> Iterator[str]:
    """Return how long answers took while there was load."""
    yield "| load | answer | program | half within | 99 % within | longest | asked for (99 %) |"
    yield "|---|---|---|---:|---:|---:|---:|"
    found = medians(records.findings)
    for study, series, program in dict.fromkeys((key[0], key[1], key[3]) for key in found):
        values = [found.get((study, series, percent, program)) for percent in PERCENTILES]
        known = [value for value, unit in filter(None, values) if unit == "ms"]
        if len(known) == len(PERCENTILES):
            cells = [f"{value:.1f} ms" for value in known]
            asked = f"{ASKED_MS[series]:g} ms"
            yield f"| {study} | {series} | {named(program)} | {' | '.join(cells)} | {asked} |"


Found = dict[tuple[str, str, int, str], tuple[float, str]]


def medians(findings: list[Finding]) -> Found:
    """Return the median of the rounds and its unit by study, series, place and program."""
    values: dict[tuple[str, str, int, str], list[Finding]] = {}
    for found in findings:
        if not found.failed and found.series != DONE:
            key = (found.study, found.series, found.at, found.program)
            values.setdefault(key, []).append(found)
    return {
        key: (statistics.median(found.value for found in its), its[0].unit)
        for key, its in values.items()
    }


def named(program: str) -> str:
    """Return what a program is called in tables, which a path is too long for."""
    if "/" not in program:
        return {"disk": "the disk"}.get(program, program)
    # Of /opt/gocryptfs-2.6.1/usr/bin/gocryptfs the folder tells more than the name.
    path = Path(program)
    folder = next((part for part in path.parts[:-1] if path.name in part), "")
    return folder or path.name


def at_shown(study: str, at: int) -> str:
    if "size" in study:
        return f"{at >> 30} GiB" if at >= 1 << 30 else f"{at >> 20} MiB"
    return f"{at:,}".replace(",", " ")


def plot_name(study: str) -> str:
    return study.replace(" ", "-")


def _better(theirs: tuple[float, str] | None, ours: tuple[float, str] | None) -> str:
    """Return a ratio that is above 1 where ours is better, whether more is better or less."""
    if theirs is None or ours is None or not theirs[0] or not ours[0]:
        return ""
    more_is_better = theirs[1].endswith("/s")
    return f"{ours[0] / theirs[0] if more_is_better else theirs[0] / ours[0]:.2f}"


def _figure(value: tuple[float, str] | None) -> str:
    if value is None:
        return ""
    digits = 1 if value[0] < 100 else 0
    return f"{value[0]:.{digits}f} {value[1]}"


def _cpu_of(figures: Figures, name: str, program: str) -> str:
    seconds = figures.cpu_s_per_gb(name, program)
    return "" if seconds is None else f"{seconds:.1f} s"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s"


def _mib(kib: int) -> str:
    return f"{kib / 1024:.0f} MiB" if kib else ""


def _rounds(settings: dict[str, Any]) -> str:
    return "1 round" if settings["rounds"] == 1 else f"{settings['rounds']} rounds"


def _title(group: str) -> str:
    return group[0].upper() + group[1:]


def machine(directory: Path) -> list[str]:
    """Return lines that say where and with what was measured."""
    return [
        f"- Machine: {_cpu()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB of memory",
        f"- System: Linux {platform.release()}, {_distribution()}",
        f"- Load while it began: {os.getloadavg()[0]:.1f} (1 minute)",
        f"- Disk: {file_system(directory)}",
        f"- Python {platform.python_version()}, "
        + ", ".join(f"{name} {_version(name)}" for name in ("pyfuse3", "trio", "cryptography")),
        f"- {_output('gocryptfs', '-version')}",
        f"- vaultui {_version('vaultui')}, commit {commit()}",
    ]


def commit() -> str:
    """Return the commit that is tried, in short."""
    return _output("git", "rev-parse", "--short", "HEAD")


def _version(package: str) -> str:
    from importlib import metadata

    return metadata.version(package)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)


def _distribution() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")


def file_system(directory: Path) -> str:
    """Return the type of the file system of a directory, and the disk that it is on."""
    return _output("findmnt", "-no", "FSTYPE,SOURCE", "-T", str(directory))


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split()) or "unknown"
