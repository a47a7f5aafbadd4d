"""Every moment of a time line has words."""

from __future__ import annotations

import pytest

from vaultui.vaults import PasswordSource
from vaultui.vaults.timeline import Moment
from vaultui.vaults.timelinewords import detail_in_words, moment_in_words
from vaultui.wire.control import EventKind


@pytest.mark.parametrize("kind", EventKind)
def test_every_event_has_words(kind: EventKind) -> None:
    assert moment_in_words(Moment(0, kind))


@pytest.mark.parametrize("source", PasswordSource)
def test_every_source_of_a_password_has_words(source: PasswordSource) -> None:
    assert detail_in_words(Moment(0, EventKind.UNLOCKED, detail=source.value)).startswith("with ")


def test_what_is_no_event_is_told_as_well() -> None:
    assert moment_in_words(Moment(0, None)) == "could not unlock"
    assert moment_in_words(Moment(0, None, ended=True)) == "backend ended"


def test_details_that_nobody_knows_stay_and_times_are_told_as_such() -> None:
    assert detail_in_words(Moment(0, EventKind.LOCKED, detail="something")) == "something"
    assert detail_in_words(Moment(0, EventKind.EXTENDED, detail="900 s")) == "15 min"
    assert detail_in_words(Moment(0, EventKind.PAUSED)) == ""
