"""The figures of a run as tables that a person reads, and the machine that they are from."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figures, quartiles
from tests.bench.records import Records

REMARKS = Path(__file__).with_name("REMARKS.md")


def text(records: Records) -> str:
    """Return all of RESULTS.md, without what people have to say about it."""
    return "\n".join(lines(records)) + "\n"


def lines(records: Records) -> Iterator[str]:
    heading = records.heading
    figures = Figures(records.measurements, heading.reference)
    settings = heading.settings
    yield from (
        "# What was measured",
        "",
        (
            f"Written by `make bench` on {heading.day}; {settings['rounds']} rounds"
            f"{', quick' if settings['quick'] else ''}. Ratios are those of {heading.reference}'s"
            f" time to the other's in the same round: above 1, {heading.compared} was faster."
        ),
        "",
        *heading.machine,
        "",
    )
    if records.failures():
        yield from ("## What failed", "", *(f"- {failure}" for failure in records.failures()), "")
    if figures.groups:
        yield from summary(figures, heading.compared)
        for group in dict.fromkeys(figures.groups.values()):
            yield from ("", f"## {group[0].upper()}{group[1:]}", "")
            yield from table(figures, heading.compared, group)
    yield ""


def summary(figures: Figures, compared: str) -> Iterator[str]:
    """Say what was asked: how much faster, what is slower, how much memory."""
    mean = figures.mean(compared)
    slower = figures.slower(compared)
    if mean is None:
        return
    yield from (
        f"| what | {figures.reference} | {compared} | asked for |",
        "|---|---:|---:|---:|",
        f"| geometric mean of all ratios | 1 | **{mean:.2f}** | 2 |",
        (
            f"| workloads slower than {figures.reference} | | **{len(slower)}** of"
            f" {len(figures.groups)} | 0 |"
        ),
        (
            f"| largest resident memory | {_mib(figures.peak_kib(figures.reference))}"
            f" | **{_mib(figures.peak_kib(compared))}**"
            f" | {_mib(figures.peak_kib(figures.reference) + (40 << 10))} |"
        ),
    )
    for group in dict.fromkeys(figures.groups.values()):
        its = figures.mean(compared, group)
        if its is not None:
            yield f"| geometric mean, {group} | 1 | {its:.2f} | |"


def table(figures: Figures, compared: str, group: str) -> Iterator[str]:
    """Return the comparison of the two, workload by workload."""
    yield f"| workload | {figures.reference} | {compared} | ratio | quartiles |"
    yield "|---|---:|---:|---:|---:|"
    for name in figures.workloads(group):
        ratios = figures.ratios(name, compared)
        theirs, ours = figures.seconds(name, figures.reference), figures.seconds(name, compared)
        if not ratios or theirs is None or ours is None:
            yield f"| {name} | {_seconds(theirs)} | {_seconds(ours)} | | |"
            continue
        low, high = quartiles(ratios)
        yield (
            f"| {name} | {_seconds(theirs)} | {_seconds(ours)} |"
            f" **{figures.ratio(name, compared):.2f}** | {low:.2f} to {high:.2f} |"
        )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.3f} s"


def _mib(kib: int) -> str:
    return f"{kib / 1024:.0f} MiB"


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
