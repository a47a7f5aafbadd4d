"""Proves what fits text and bars into cells, at its edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from vaultui.model.states import VaultState
from vaultui.tui import wording
from vaultui.tui.glyphs import Glyphs


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_fitted_text_is_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_len(wording.fit(wording.shown(text), width)) == width


@given(st.text(), st.integers(min_value=1, max_value=40))
def test_clipped_text_is_never_wider_than_asked(text: str, width: int) -> None:
    assert cell_len(wording.clip(wording.shown(text), width)) <= width
    assert cell_len(wording.clip_path(wording.shown(text), width)) <= width


@given(st.text())
def test_shown_text_can_be_written_to_any_terminal(text: str) -> None:
    assert wording.shown(text).encode().decode() == wording.shown(text)
    assert "\x1b" not in wording.shown(text)


@pytest.mark.parametrize("ascii_only", [False, True])
@given(fraction=st.floats(-1, 2), width=st.integers(1, 40))
def test_a_bar_is_as_wide_as_asked_and_empty_only_at_nothing(
    ascii_only: bool, fraction: float, width: int
) -> None:
    full, empty = Glyphs(ascii_only).bar(fraction, width)
    assert len(full) + len(empty) == width
    assert bool(full) is (fraction > 0)


@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_sparkline_grows_from_the_right(ascii_only: bool) -> None:
    glyphs = Glyphs(ascii_only)
    line = glyphs.sparkline([0, 1, 2], 5)
    assert len(line) == 5
    assert line[:3] == line[0] * 3
    assert line[4] == ("#" if ascii_only else "█")
    assert glyphs.sparkline([], 3) == line[0] * 3


def test_every_state_has_a_glyph_of_one_cell_in_both_sets() -> None:
    for state in VaultState:
        assert cell_len(Glyphs().state(state)) == 1
        assert Glyphs(ascii=True).state(state).isascii()
