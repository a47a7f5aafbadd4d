"""The time line is read back from a log, whatever else stands in it."""

from __future__ import annotations

import time

import pytest

from vaultui.mountd.eventring import EventRing
from vaultui.vaults.timeline import Moment, moments
from vaultui.wire.control import EventKind


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_events_failures_and_ends_are_told_in_their_order() -> None:
    lines = (
        "2023-11-14 22:13:20,405 INFO    unlocked: typed",
        "2023-11-14 22:13:21,000 WARNING corrupt-content: 'letters/to: ada.txt': block 3",
        "2023-11-14 22:13:22,000 INFO    paused",
        "2023-11-14 22:13:23 keeper: the backend (pid 30813) ended: signal 9",
    )
    assert moments(lines) == [
        Moment(1700000000, EventKind.UNLOCKED, detail="typed"),
        Moment(1700000001, EventKind.CORRUPT_CONTENT, "letters/to: ada.txt", "block 3"),
        Moment(1700000002, EventKind.PAUSED),
        Moment(1700000003, None, detail="signal 9", ended=True),
    ]


def test_a_failed_unlock_is_told_once_and_by_its_reason() -> None:
    lines = (
        "2023-11-14 22:13:20,405 ERROR   Password incorrect.",
        "2023-11-14 22:13:20 keeper: the backend (pid 30813) ended: exit code 12",
    )
    assert moments(lines) == [Moment(1700000000, None, detail="Password incorrect.")]


def test_a_backend_that_was_locked_does_not_end_as_well() -> None:
    lines = (
        "2023-11-14 22:13:20,405 INFO    locked: idle",
        "2023-11-14 22:13:20 keeper: the backend (pid 30813) ended: exit code 0",
    )
    assert [moment.detail for moment in moments(lines)] == ["idle"]


def test_lines_that_are_no_entry_are_left_out() -> None:
    lines = (
        "Traceback (most recent call last):",
        "2023-11-14 22:13:20,405 INFO    started",
        "2023-11-14 22:13:20,405 DEBUG   unlocking: slowly",
        "2023-99-14 22:13:20,405 INFO    unlocked: typed",
        "",
    )
    assert moments(lines) == []


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("path", ["", "plain", "it's: 'quoted'", "both \" and '", "new\nline\\"])
def test_what_a_backend_logs_is_read_back(
    kind: EventKind, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Its own level: a test that set the log up in this process may have left it another.
    caplog.set_level("DEBUG", logger="vaultfs.events")
    EventRing().add(kind, path, "a detail: of it")
    (record,) = caplog.records
    line = f"2023-11-14 22:13:20,405 {record.levelname:<7} {record.getMessage()}"
    assert moments([line]) == [Moment(1700000000, kind, path, "a detail: of it")]


@pytest.mark.parametrize("quoted", [r"'\x': block 3", r"'\d': block 3", r"'\N{none}'"])
def test_a_quotation_that_no_backend_wrote_does_not_take_the_time_line_away(quoted: str) -> None:
    (moment,) = moments([f"2026-11-22 14:04:28,000 WARNING corrupt-content: {quoted}"])
    assert (moment.path, moment.detail) == ("", quoted)
