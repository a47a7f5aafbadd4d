"""Damage and trouble that a person should hear of, beside the errno that the kernel gets."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum
from typing import Final

from vaultui.model.records import record


class ReportKind(Enum):
    """The values are the words of the events on the control socket."""

    CORRUPT_CONTENT = "corrupt-content"
    CORRUPT_NAME = "corrupt-name"
    CORRUPT_METADATA = "corrupt-metadata"
    STORAGE_FULL = "storage-full"


@record(frozen=True)
class Report:
    kind: ReportKind
    path: str
    """Plaintext path without a leading slash, as far as it is known; then ciphertext names."""
    detail: str


REPEAT_S: Final = 60.0
"""The same trouble is reported again after this long: a reader that retries a bad block
a thousand times a second must not push everything else out of the log."""
_REMEMBERED: Final = 512


class Reporter:
    """Passes reports on, each at most once in `REPEAT_S` seconds."""

    def __init__(self, report: Callable[[Report], None]) -> None:
        self._report = report
        self._last: dict[Report, float] = {}

    def __call__(self, kind: ReportKind, path: str, detail: str) -> None:
        report = Report(kind, path, detail)
        now = time.monotonic()
        if now - self._last.get(report, -REPEAT_S) < REPEAT_S:
            return
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[report] = now
        self._report(report)
