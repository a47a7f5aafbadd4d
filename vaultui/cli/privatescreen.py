"""A screen for what is shown once: when it is left, the terminal shows what it did before.

It is the terminal's second screen, which has no scrollback, so that nothing of it stays to be
found there.
"""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from vaultui.cli.prompt import ask_line, open_terminal
from vaultui.model.secret import Secret
from vaultui.vaults.passphrase import protect

_ENTER: Final = b"\x1b[?1049h"
_LEAVE: Final = b"\x1b[2J\x1b[?1049l"
_CLEAR: Final = b"\x1b[2J\x1b[H"
_QUIET_ZONE: Final = 4
"""Light modules around a QR code, without which it is not found (ISO/IEC 18004)."""
_BLACK_ON_WHITE: Final = b"\x1b[38;5;16;48;5;231m"
"""Whatever the colours of the terminal are, and NO_COLOR too: a scanner wants dark on light."""
_PLAIN: Final = b"\x1b[0m"
_HALVES: Final = {(0, 0): " ", (0, 1): "▄", (1, 0): "▀", (1, 1): "█"}
_CELLS: Final = {0: b"\x1b[48;5;231m  ", 1: b"\x1b[48;5;16m  "}


class PrivateScreen:
    """What can be shown and asked on it. Secrets go to the terminal without becoming text."""

    def __init__(self, tty: int, *, ascii_only: bool) -> None:
        self._tty = tty
        self._ascii_only = ascii_only

    def clear(self) -> None:
        os.write(self._tty, _CLEAR)

    def line(self, text: str = "") -> None:
        """Show text, which breaks at words where the terminal ends."""
        columns = os.get_terminal_size(self._tty).columns or 80
        for part in textwrap.wrap(text, columns) or [""]:
            os.write(self._tty, part.encode("utf-8", "backslashreplace") + b"\n")

    def secret_line(self, label: str, text: memoryview) -> None:
        os.write(self._tty, label.encode())
        os.write(self._tty, text)
        os.write(self._tty, b"\n")

    def ask(self, question: str) -> Secret:
        """Return a line that is shown while it is typed."""
        return ask_line(self._tty, question, echo=True)

    def has_room_for(self, qr: Secret) -> bool:
        """Return whether a QR code, with two lines below it, fits on the terminal."""
        edge = math.isqrt(len(qr)) + 2 * _QUIET_ZONE
        size = os.get_terminal_size(self._tty)
        columns, lines = (2 * edge, edge) if self._ascii_only else (edge, (edge + 1) // 2)
        return size.columns >= columns and size.lines >= lines + 2

    def qr_code(self, qr: Secret) -> None:
        """Draw a QR code: half a character to a module, or two spaces where that is no ASCII."""
        side = math.isqrt(len(qr))
        with qr.view as modules:

            def dark(row: int, column: int) -> int:
                if 0 <= row < side and 0 <= column < side:
                    return modules[row * side + column]
                return 0

            columns = range(-_QUIET_ZONE, side + _QUIET_ZONE)
            for row in range(-_QUIET_ZONE, side + _QUIET_ZONE, 1 if self._ascii_only else 2):
                os.write(self._tty, _BLACK_ON_WHITE)
                for column in columns:
                    if self._ascii_only:
                        os.write(self._tty, _CELLS[dark(row, column)])
                    else:
                        half = _HALVES[dark(row, column), dark(row + 1, column)]
                        os.write(self._tty, half.encode())
                os.write(self._tty, _PLAIN + b"\n")


@contextmanager
def private_screen(*, ascii_only: bool) -> Iterator[PrivateScreen]:
    """Show a screen of its own on the controlling terminal, until the block is left."""
    protect()
    tty = open_terminal()
    try:
        os.write(tty, _ENTER)
        try:
            yield PrivateScreen(tty, ascii_only=ascii_only)
        finally:
            os.write(tty, _LEAVE)
    finally:
        os.close(tty)
