"""Proves that what is drawn of a secret means nothing before it leaves for the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len

from vaultui.tui import veil
from vaultui.tui.veil import UnveilingOutput, Veil, is_veiled, unveiled


@pytest.fixture
def cover() -> Iterator[Veil]:
    made = Veil()
    yield made
    made.lift()


def test_a_covered_text_has_its_length_and_width_and_none_of_its_letters(cover: Veil) -> None:
    drawn = cover.cover(b"00ff secret")
    assert len(drawn) == cell_len(drawn) == 11
    assert not set(drawn) & set("00ff secret")
    assert is_veiled(f"line {drawn}\n")
    assert not is_veiled("line ● ü\n")
    assert not is_veiled("")


def test_the_terminal_gets_the_letters(cover: Veil, tmp_path: Path) -> None:
    drawn = cover.cover(b"secret")
    path = tmp_path / "terminal"
    with path.open("w") as terminal:
        output = UnveilingOutput(terminal)
        output.write("ü ")
        output.write(f"[{drawn[:3]}|{drawn[3:]}]")
        output.write(" ●")
        output.flush()
        assert os.fstat(output.fileno()).st_ino == path.stat().st_ino
    assert path.read_text() == "ü [sec|ret] ●"


def test_letters_of_an_alphabet_are_of_any_size(cover: Veil) -> None:
    assert unveiled(cover.cover(bytes((2, 0, 1)), " ▀█")).decode() == "█ ▀"


def test_what_is_still_drawn_of_a_lifted_veil_is_blank(cover: Veil) -> None:
    drawn = cover.cover(b"secret")
    cover.lift()
    cover.lift()
    assert unveiled(f"a{drawn}b") == b"a      b"
    assert not any(cover._places)


def test_two_veils_do_not_mix(cover: Veil) -> None:
    other = Veil()
    drawn = cover.cover(b"mine") + other.cover(b"yours")
    assert unveiled(drawn) == b"mineyours"
    other.lift()
    assert unveiled(drawn) == b"mine     "


def test_a_lifted_veil_makes_room_for_the_next() -> None:
    for _ in range(3 * veil._VEILS):
        Veil().lift()


def test_too_much_for_one_veil_is_refused(cover: Veil) -> None:
    with pytest.raises(ValueError, match="too many"):
        cover.cover(bytes(veil._PLACES + 1))
