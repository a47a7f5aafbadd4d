"""Times that people write are read as they are meant, and slips are refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vaultui.vaults.duration import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("2 h", 7200),
        ("1D", 86400),
        ("never", 0),
        ("off", 0),
        ("0", 0),
        ("0m", 0),
    ],
)
def test_a_time_means_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "15", "m", "1.5h", "-5m", "30m1h", "fifteen", "400d", "1m\n2s"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|year"):
        parse_duration(text)


def test_a_number_without_a_unit_is_asked_for_one() -> None:
    with pytest.raises(ValueError, match="which unit"):
        parse_duration("15")


@given(st.integers(min_value=0, max_value=LONGEST))
def test_what_is_formatted_reads_back_as_the_same(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
