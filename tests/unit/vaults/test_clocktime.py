"""Times of day as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from vaultui.vaults.clocktime import parse_clock


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def at(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M"))


def clock(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch))


NOW = "2026-11-30 14:30"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("18:00", "2026-11-30 18:00"),
        (" 9:05 ", "2026-12-01 09:05"),
        ("14:30", "2026-12-01 14:30"),
        ("2026-12-24 18:00", "2026-12-24 18:00"),
        ("2026-12-24T18:00", "2026-12-24 18:00"),
    ],
)
def test_a_time_is_the_next_one_of_that_name(text: str, meant: str) -> None:
    assert clock(parse_clock(text, at(NOW))) == meant


def test_a_night_in_which_the_clock_is_changed_has_the_time_that_the_clock_shows() -> None:
    assert clock(parse_clock("6:00", at("2026-10-24 22:00"))) == "2026-10-25 06:00"
    assert parse_clock("6:00", at("2026-10-24 22:00")) - at("2026-10-24 22:00") == 9 * 3600


@pytest.mark.parametrize(
    "text", ["", "18", "25:00", "18:60", "6pm", "2026-02-30 12:00", "2026-11-30 14:00", "1:2:3"]
)
def test_what_is_no_time_to_come_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time|there is no time|is over"):
        parse_clock(text, at(NOW))
