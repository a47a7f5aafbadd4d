"""A QR code is read back here by the rules of ISO/IEC 18004, as a telephone would."""

from __future__ import annotations

import pytest

from vaultui.crypto import recoverykey
from vaultui.model.secret import Secret
from vaultui.mountd import qrcode

SIZE = 33
"""Modules of a side in version 4, whose 64 bytes of data are in two blocks at the level M."""
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MASKS = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, column: row % 2 == 0,
    lambda row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
FORMAT_MASK = 0b101010000010010
LEVEL_M = 0b00


def is_function_module(row: int, column: int) -> bool:
    """Tell whether a module of version 4 is part of a pattern, or of the format information."""
    corners = (row < 9 and (column < 9 or column >= SIZE - 8)) or (row >= SIZE - 8 and column < 9)
    aligned = abs(row - (SIZE - 7)) <= 2 and abs(column - (SIZE - 7)) <= 2
    return corners or aligned or row == 6 or column == 6


def data_bits(modules: list[list[int]], mask: int) -> list[int]:
    """Return the modules in the order of their data: up and down in columns of two."""
    bits: list[int] = []
    columns = [column for column in range(SIZE - 1, 0, -2) if column > 6] + [5, 3, 1]
    for number, right in enumerate(columns):
        rows = range(SIZE) if number % 2 else range(SIZE - 1, -1, -1)
        for row in rows:
            bits += [
                modules[row][column] ^ MASKS[mask](row, column)
                for column in (right, right - 1)
                if not is_function_module(row, column)
            ]
    return bits


def read(code: bytes) -> str:
    """Return the text of a QR code of version 4-M that is not damaged."""
    modules = [list(code[row * SIZE : (row + 1) * SIZE]) for row in range(SIZE)]
    places = [(8, column) for column in (0, 1, 2, 3, 4)]
    level_and_mask = int("".join(str(modules[row][column]) for row, column in places), 2)
    level_and_mask ^= FORMAT_MASK >> 10
    assert level_and_mask >> 3 == LEVEL_M
    bits = data_bits(modules, level_and_mask & 0b111)
    codewords = [bits[start : start + 8] for start in range(0, 64 * 8, 8)]
    # Two blocks take turns.
    stream = "".join(str(bit) for word in codewords[0::2] + codewords[1::2] for bit in word)
    mode, count, rest = stream[:4], int(stream[4:13], 2), stream[13:]
    assert mode == "0010", "alphanumeric"
    text = ""
    while len(text) < count:
        width = 11 if count - len(text) > 1 else 6
        value, rest = int(rest[:width], 2), rest[width:]
        text += LETTERS[value // 45] + LETTERS[value % 45] if width == 11 else LETTERS[value]
    return text


@pytest.mark.parametrize("key", [bytes(32), bytes(range(32)), b"\xff" * 32])
def test_the_code_of_a_recovery_key_is_its_text(key: bytes) -> None:
    with recoverykey.format(Secret(bytearray(key))) as text, qrcode.modules(text) as code:
        assert len(code) == SIZE * SIZE
        assert read(bytes(code.view)) == bytes(text.view).decode("ascii")


def test_what_looks_for_a_code_finds_its_three_corners() -> None:
    finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
    with qrcode.modules(Secret(bytearray(b"A" * 77))) as code:
        rows = ["".join(map(str, code.view[row * SIZE : (row + 1) * SIZE])) for row in range(SIZE)]
    assert [row[:7] for row in rows[:7]] == finder
    assert [row[-7:] for row in rows[:7]] == finder
    assert [row[:7] for row in rows[-7:]] == finder
