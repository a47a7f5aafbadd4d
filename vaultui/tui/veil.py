"""Secrets on the screen, without Textual holding them.

Textual keeps what it draws in caches and in strings that nobody can wipe. So it gets
stand-ins: private characters of Unicode, one for each place of a veil. What they stand for is
in a buffer of the veil, and is put in where text leaves for the terminal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import IO, Final

_FIRST: Final = 0xF0000
"""Start of Supplementary Private Use Area-A, whose characters are one cell wide."""
_PLACES: Final = 4096
"""Of one veil: the greatest QR code has 31329 modules, those that we show some 1700."""
_VEILS: Final = 15
_LAST: Final = _FIRST + _PLACES * _VEILS - 1
_GONE: Final = b" "

_taken: dict[int, Veil] = {}


class Veil:
    """What one widget shows. `lift` it when the widget goes; what is still drawn turns blank."""

    def __init__(self) -> None:
        """Raises StopIteration where more of them are in use than a person can look at."""
        self._number = next(number for number in range(_VEILS) if number not in _taken)
        self._places = bytearray(_PLACES)
        self._alphabet: Sequence[str] = ""
        _taken[self._number] = self

    def cover(self, places: memoryview | bytes | bytearray, alphabet: Sequence[str] = "") -> str:
        """Return stand-ins for characters of ASCII or, with an alphabet, for letters of that.

        They stand for these until the next call. Raises ValueError for too many.
        """
        size = len(places)
        if size > _PLACES:
            raise ValueError(f"{size} characters are too many for one veil")
        self._alphabet = alphabet
        self._places[:size] = places
        first = _FIRST + self._number * _PLACES
        return "".join(map(chr, range(first, first + size)))

    def lift(self) -> None:
        """Wipe what is behind the veil. Safe to call twice."""
        _taken.pop(self._number, None)
        self._places[:] = bytes(_PLACES)

    def character(self, place: int) -> str:
        """Return what the stand-in for one place stands for."""
        value = self._places[place]
        return self._alphabet[value] if self._alphabet else chr(value)


def is_veiled(text: str) -> bool:
    return _FIRST <= ord(max(text, default="\0")) <= _LAST


def unveiled(text: str) -> bytearray:
    """Return what `text` looks like to a person, in UTF-8; the caller wipes it."""
    # Measured first: a buffer that grows or shrinks may move, and leaves a copy.
    result = bytearray(sum(map(len, _letters(text))))
    end = 0
    for letter in _letters(text):
        result[end : end + len(letter)] = letter
        end += len(letter)
    return result


def _letters(text: str) -> Iterator[bytes]:
    for character in text:
        code = ord(character)
        if _FIRST <= code <= _LAST:
            number, place = divmod(code - _FIRST, _PLACES)
            veil = _taken.get(number)
            yield _GONE if veil is None else veil.character(place).encode()
        else:
            yield character.encode("utf-8", "backslashreplace")


class UnveilingOutput:
    """The terminal, as Textual's writing thread uses it."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> None:
        if not is_veiled(text):
            self._file.write(text)
            return
        self._file.flush()
        letters = unveiled(text)
        with memoryview(letters) as rest:
            done = 0
            while done < len(rest):
                # Not through the file, which would encode a copy of its own.
                done += os.write(self._file.fileno(), rest[done:])
            rest[:] = bytes(len(rest))

    def flush(self) -> None:
        self._file.flush()

    def fileno(self) -> int:
        return self._file.fileno()
