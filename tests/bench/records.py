"""What was measured, one line of JSON each, written as it comes.

The first line says what is compared, on what machine and how; a run that was interrupted goes on
from there with `--resume`, and its tables can be written from the file at any time.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path("build/bench")
DONE = "done"
"""The series of the finding that ends a study."""


@dataclass(frozen=True)
class Measurement:
    """One workload of one program in one round. With `failed`, a sentence, it has no time."""

    round: int
    group: str
    workload: str
    program: str
    seconds: float = 0.0
    cpu_s: float = 0.0
    """Of the mount's processes; what the kernel and the one who asks spend is not in it."""
    moved: int = 0
    peak_kib: int = 0
    failed: str = ""


@dataclass(frozen=True)
class Finding:
    """One figure of a table of its own: how something grows, how long an answer takes."""

    study: str
    series: str
    at: int
    """Entries, bytes, clients; of a latency the percentile, and 100 is the longest."""
    program: str
    value: float
    unit: str
    round: int = 0
    failed: str = ""


@dataclass(frozen=True)
class Heading:
    """What a run compares. `settings` must agree for one to go on where another was interrupted."""

    reference: str
    compared: str
    beside: list[str]
    settings: dict[str, Any]
    machine: list[str]
    day: str


@dataclass
class Records:
    path: Path
    heading: Heading
    measurements: list[Measurement] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @classmethod
    def begin(cls, path: Path, heading: Heading) -> Records:
        path.parent.mkdir(parents=True, exist_ok=True)
        records = cls(path, heading)
        records._write("heading", asdict(heading))
        return records

    @classmethod
    def read(cls, path: Path) -> Records:
        """Return what a file holds. A last line that was cut off is as if it were not there."""
        records: Records | None = None
        for line in path.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            kind, fields = json.loads(line)
            if records is None:
                if kind != "heading":
                    break
                records = cls(path, Heading(**fields))
            elif kind == "measurement":
                records.measurements.append(Measurement(**fields))
            else:
                records.findings.append(Finding(**fields))
        if records is None:
            raise ValueError(f"{path} is no record of a run")
        return records

    def go_on(self) -> None:
        """Make the file end with a whole line, so that more can follow."""
        text = self.path.read_text()
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self.path.write_text(whole)

    def add(self, measurement: Measurement) -> None:
        self.measurements.append(measurement)
        self._write("measurement", asdict(measurement))

    def find(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._write("finding", asdict(finding))

    def has(self, number: int, workload: str, program: str) -> bool:
        """Tell whether that has been measured; what failed has not."""
        return any(
            (found.round, found.workload, found.program) == (number, workload, program)
            and not found.failed
            for found in self.measurements
        )

    def has_found(self, number: int, study: str, program: str) -> bool:
        """Tell whether all of a study is there: its last figure says so."""
        return any(
            (found.round, found.study, found.program, found.series)
            == (number, study, program, DONE)
            for found in self.findings
        )

    def failures(self) -> list[str]:
        """Return a sentence for each workload that failed and was not done later."""
        studies = [
            f"{found.study}, {found.program}, round {found.round + 1}: {found.failed}"
            for found in self.findings
            if found.failed and not self.has_found(found.round, found.study, found.program)
        ]
        return studies + [
            f"{found.workload}, {found.program}, round {found.round + 1}: {found.failed}"
            for found in self.measurements
            if found.failed and not self.has(found.round, found.workload, found.program)
        ]

    def _write(self, kind: str, fields: dict[str, Any]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps([kind, fields]) + "\n")
            file.flush()
            os.fsync(file.fileno())


def latest(folder: Path = FOLDER) -> Path | None:
    """Return the file of the last run, if there is one."""
    return max(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime, default=None)
