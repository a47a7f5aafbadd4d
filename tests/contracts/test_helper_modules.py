"""Helpers of the tests are found by name alone, so no two of them share one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_two_helper_modules_have_the_same_name() -> None:
    # conftest.py files put their folders on sys.path: of two modules with one name, the
    # first that is imported would be both.
    names = Counter(
        path.name
        for path in TESTS.rglob("*.py")
        if not path.name.startswith(("test_", "conftest", "__"))
    )
    assert {name: count for name, count in names.items() if count > 1} == {}
