"""What a reverse mount leaves out, as patterns in the syntax of gitignore(5)."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import ExcludeUnreadable


def read_patterns(wildcards: Iterable[str], files: Iterable[str]) -> tuple[str, ...]:
    """Return the patterns given as such, and behind them the lines of the files.

    Of two that match, the last decides. Raises ExcludeUnreadable.
    """
    patterns = list(wildcards)
    for path in files:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ExcludeUnreadable(path=path, reason=reason_of(error)) from error
        patterns += [line.removesuffix("\r") for line in os.fsdecode(data).split("\n")]
    return tuple(patterns)
