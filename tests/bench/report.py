"""The figures of a run as a table that a person reads."""

from __future__ import annotations

import math
import os
import platform
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

CACHED = "stream read, warm"
"""The one workload that the kernel's page cache may answer alone."""


@dataclass
class Figures:
    """Seconds of each round, for the reference and for the program that is compared with it."""

    reference: dict[str, list[float]] = field(default_factory=dict)
    compared: dict[str, list[float]] = field(default_factory=dict)
    memory_kib: dict[str, int] = field(default_factory=dict)
    """Largest resident memory that each backend reached."""

    def ratio(self, workload: str) -> float:
        """Return the median of the rounds' ratios; above 1 the compared program is faster."""
        pairs = zip(self.reference[workload], self.compared[workload], strict=True)
        return statistics.median(theirs / ours for theirs, ours in pairs)

    def spread(self, workload: str) -> tuple[float, float]:
        """Return the smallest and the largest ratio of a round."""
        pairs = zip(self.reference[workload], self.compared[workload], strict=True)
        ratios = [theirs / ours for theirs, ours in pairs]
        return min(ratios), max(ratios)

    def geometric_mean(self, without: str = "") -> float:
        """Return the geometric mean of the ratios of all workloads, or of all but one."""
        names = [name for name in self.reference if name != without]
        return math.exp(statistics.fmean(math.log(self.ratio(name)) for name in names))


def table(figures: Figures, reference: str, compared: str) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        f"| workload | {reference} | {compared} | ratio | smallest to largest |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in figures.reference:
        low, high = figures.spread(name)
        lines.append(
            f"| {name} | {_seconds(figures.reference[name])} | {_seconds(figures.compared[name])}"
            f" | **{figures.ratio(name):.2f}** | {low:.2f} to {high:.2f} |"
        )
    lines.append(f"| geometric mean | | | **{figures.geometric_mean():.2f}** | |")
    if CACHED in figures.reference and len(figures.reference) > 1:
        mean = figures.geometric_mean(without=CACHED)
        lines.append(f"| the same without *{CACHED}* | | | **{mean:.2f}** | |")
    return "\n".join(lines)


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


def _seconds(values: list[float]) -> str:
    return f"{statistics.median(values):.3f} s"


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
