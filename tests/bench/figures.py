"""The arithmetic of a comparison: ratios, their median and quartiles, geometric means.

A ratio is the reference's time divided by the program's in the same round: above 1 the program
was faster. Rounds in which one of the two has no time do not count.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

from tests.bench.records import Measurement


class Figures:
    def __init__(self, measurements: Iterable[Measurement], reference: str) -> None:
        self.reference = reference
        self._found: dict[tuple[str, str], dict[int, Measurement]] = {}
        self.groups: dict[str, str] = {}
        """Of each workload, in the order in which they were measured first."""
        for found in measurements:
            self.groups.setdefault(found.workload, found.group)
            if not found.failed:
                self._found.setdefault((found.workload, found.program), {})[found.round] = found

    def workloads(self, group: str = "") -> list[str]:
        """Return the names of all workloads, or of a group's."""
        return [name for name, its in self.groups.items() if group in ("", its)]

    def of(self, workload: str, program: str) -> list[Measurement]:
        return list(self._found.get((workload, program), {}).values())

    def seconds(self, workload: str, program: str) -> float | None:
        """Return the median time."""
        return median([found.seconds for found in self.of(workload, program)])

    def ratios(self, workload: str, program: str) -> list[float]:
        theirs = self._found.get((workload, self.reference), {})
        ours = self._found.get((workload, program), {})
        return [theirs[at].seconds / ours[at].seconds for at in sorted(theirs.keys() & ours.keys())]

    def ratio(self, workload: str, program: str) -> float | None:
        """Return the median of the rounds' ratios."""
        return median(self.ratios(workload, program))

    def mean(self, program: str, group: str = "") -> float | None:
        """Return the geometric mean of the ratios of all workloads that have one."""
        ratios = [self.ratio(name, program) for name in self.workloads(group)]
        return geometric_mean([ratio for ratio in ratios if ratio is not None])

    def slower(self, program: str) -> list[str]:
        """Return the workloads whose ratio is below 1, the worst first."""
        ratios = {name: self.ratio(name, program) for name in self.workloads()}
        found = [(ratio, name) for name, ratio in ratios.items() if ratio is not None and ratio < 1]
        return [name for _, name in sorted(found)]

    def peak_kib(self, program: str, group: str = "") -> int:
        """Return the largest memory in any workload; 0 where nothing was measured."""
        peaks = (
            found.peak_kib for name in self.workloads(group) for found in self.of(name, program)
        )
        return max(peaks, default=0)

    def cpu_s_per_gb(self, workload: str, program: str) -> float | None:
        """Return the median processor time for 10**9 bytes; None where none are counted."""
        return median(
            [found.cpu_s / found.moved * 1e9 for found in self.of(workload, program) if found.moved]
        )


def median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """Return the first and the third quartile; of a single value, that value twice."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def geometric_mean(values: Sequence[float]) -> float | None:
    return math.exp(statistics.fmean(map(math.log, values))) if values else None


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
