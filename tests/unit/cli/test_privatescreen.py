"""The screen that leaves no trace: its QR code can be read, and a secret is shown as it is."""

from __future__ import annotations

import os
import pty
import termios
import tty
from collections.abc import Iterator
from random import Random

import pytest

from vaultui.cli.privatescreen import PrivateScreen
from vaultui.model.secret import Secret

SIDE = 21
QUIET = 4
MODULES = bytes(Random(7).getrandbits(1) for _ in range(SIDE * SIDE))


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Return both ends of a terminal that passes on what is written as it is."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    termios.tcsetwinsize(slave, (60, 120))
    yield master, slave
    os.close(master)
    os.close(slave)


def drawn(terminal: tuple[int, int], *, ascii_only: bool) -> list[str]:
    master, slave = terminal
    screen = PrivateScreen(slave, ascii_only=ascii_only)
    with Secret(bytearray(MODULES)) as qr:
        screen.qr_code(qr)
    screen.line("end")
    shown = b""
    while not shown.endswith(b"end\n"):
        shown += os.read(master, 1 << 16)
    return shown.decode().splitlines()[:-1]


def framed() -> list[list[int]]:
    """Return the modules with the quiet zone around them."""
    side = SIDE + 2 * QUIET
    rows = [[0] * side for _ in range(side)]
    for place, dark in enumerate(MODULES):
        row, column = divmod(place, SIDE)
        rows[row + QUIET][column + QUIET] = dark
    return rows


def test_a_qr_code_of_half_characters_is_dark_on_light_with_its_quiet_zone(
    terminal: tuple[int, int],
) -> None:
    rows: list[list[int]] = []
    for line in drawn(terminal, ascii_only=False):
        start, end = "\x1b[38;5;16;48;5;231m", "\x1b[0m"
        assert line.startswith(start)
        assert line.endswith(end)
        cells = line.removeprefix(start).removesuffix(end)
        rows.append([int(cell in "▀█") for cell in cells])
        rows.append([int(cell in "▄█") for cell in cells])
    assert rows[: SIDE + 2 * QUIET] == framed()
    assert not any(any(row) for row in rows[SIDE + 2 * QUIET :])


def test_a_qr_code_in_ascii_is_the_same_with_two_spaces_for_a_module(
    terminal: tuple[int, int],
) -> None:
    lines = drawn(terminal, ascii_only=True)
    rows = []
    for line in lines:
        assert line.isascii()
        cells = line.split("  ")[:-1]
        rows.append([int("48;5;16m" in cell.rpartition("\x1b")[2]) for cell in cells])
    assert rows == framed()


@pytest.mark.parametrize(
    ("lines", "columns", "fits", "fits_in_ascii"),
    [(60, 120, True, True), (24, 80, True, False), (16, 80, False, False), (60, 28, False, False)],
)
def test_a_qr_code_is_left_out_where_it_would_be_cut(
    terminal: tuple[int, int], lines: int, columns: int, fits: bool, fits_in_ascii: bool
) -> None:
    termios.tcsetwinsize(terminal[1], (lines, columns))
    with Secret(bytearray(MODULES)) as qr:
        assert PrivateScreen(terminal[1], ascii_only=False).has_room_for(qr) is fits
        assert PrivateScreen(terminal[1], ascii_only=True).has_room_for(qr) is fits_in_ascii
