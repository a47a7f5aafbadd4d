"""Proves the words for values: times, sizes and paths, at their edges."""

from __future__ import annotations

import os

import pytest

from vaultui.model import values


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-3, "00:00"), (0, "00:00"), (432, "07:12"), (3599.6, "1:00:00"), (3723, "1:02:03")],
)
def test_clock(seconds: float, expected: str) -> None:
    assert values.clock(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0 s"), (59, "59 s"), (468, "7 min 48 s"), (900, "15 min"), (90000, "1 d 1 h")],
)
def test_span(seconds: float, expected: str) -> None:
    assert values.span(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1288490, "1.2 MiB"), (432013312, "412 MiB"),
     (5 << 50, "5120 TiB")],
)  # fmt: skip
def test_size(count: int, expected: str) -> None:
    assert values.size(count) == expected


def test_a_path_below_home_begins_with_a_tilde() -> None:
    assert values.place(f"{os.environ['HOME']}/Vaults") == "~/Vaults"
    assert values.place("/home/ada/Vaults", "/home/ada") == "~/Vaults"
    assert values.place("/home/adam", "/home/ada") == "/home/adam"
    assert values.place("/srv", "/") == "/srv"


def test_lists_of_names() -> None:
    assert values.listed([]) == ""
    assert values.listed(["a"]) == "a"
    assert values.listed(["a", "b", "c"]) == "a, b and c"
