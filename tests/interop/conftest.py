"""Pairs of programs: one makes a volume, another must find in it what the first put there.

The pair of gocryptfs with itself is the control: it shows that a check asks for something
that the format can do.
"""

from __future__ import annotations

import os
import sys

import pytest
from capabilities import needs
from support import Gocryptfs, Vaultfs

sys.path.insert(0, os.path.dirname(__file__))

from pairs import Pair

_PAIRS = {
    "control": Pair(Gocryptfs, Gocryptfs),
    "theirs-then-ours": Pair(Gocryptfs, Vaultfs),
    "ours-then-theirs": Pair(Vaultfs, Gocryptfs),
}


@pytest.fixture(
    params=[pytest.param(pair, id=name) for name, pair in _PAIRS.items()],
)
def pair(request: pytest.FixtureRequest) -> Pair:
    """Return each pair of programs in turn."""
    chosen: Pair = request.param
    return chosen


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is about the real gocryptfs."""
    for item in items:
        if item.path.is_relative_to(os.path.dirname(__file__)):
            item.add_marker(needs("fuse", "gocryptfs"))
