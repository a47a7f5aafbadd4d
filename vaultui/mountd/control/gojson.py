"""What Go says about bytes that are not JSON: programs were written against these words.

Follows the scanner of Go's encoding/json, which reads byte by byte and stops at the first
that cannot go on. The end of the input counts as a space behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NoReturn

_WHITE: Final = b" \t\r\n"
_DIGITS: Final = b"0123456789"
_HEX: Final = b"0123456789abcdefABCDEF"
_ESCAPED: Final = b'"\\/bfnrt'
_LITERALS: Final = {ord("t"): b"true", ord("f"): b"false", ord("n"): b"null"}
_SPELLED: Final = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}
_QUOTED: Final = {ord("'"): "\\'", ord("\\"): "\\\\"}


def complaint(data: bytes) -> str:
    """Return Go's complaint about `data`; "" if it is JSON."""
    try:
        _Scanner(data).scan()
    except _NotJsonError as error:
        return str(error)
    return ""


class _NotJsonError(Exception):
    pass


class _Next(Enum):
    VALUE = auto()
    FIRST_ELEMENT = auto()
    """A value, or the end of the array."""
    KEY = auto()
    FIRST_KEY = auto()
    COLON = auto()
    END_OF_VALUE = auto()


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self._data = data + b" "
        self._at = 0

    def scan(self) -> None:
        """Return at the end of one JSON value; raises _NotJsonError."""
        closers: list[int] = []
        expected = _Next.VALUE
        for byte in self._solid_bytes():
            match expected:
                case _Next.FIRST_ELEMENT | _Next.FIRST_KEY if byte == closers[-1]:
                    closers.pop()
                    expected = _Next.END_OF_VALUE
                case _Next.VALUE | _Next.FIRST_ELEMENT:
                    expected = self._value(byte, closers)
                case _Next.KEY | _Next.FIRST_KEY:
                    if byte != ord('"'):
                        self._refuse("looking for beginning of object key string")
                    self._string()
                    expected = _Next.COLON
                case _Next.COLON:
                    if byte != ord(":"):
                        self._refuse("after object key")
                    expected = _Next.VALUE
                case _Next.END_OF_VALUE:
                    expected = self._after_value(byte, closers)
        if closers or expected is not _Next.END_OF_VALUE:
            raise _NotJsonError("unexpected end of JSON input")

    def _solid_bytes(self) -> Iterator[int]:
        """Yield the bytes between tokens that are not white space, each with `_at` behind it."""
        while self._at < len(self._data):
            byte = self._take()
            if byte not in _WHITE:
                yield byte

    def _take(self) -> int:
        if self._at == len(self._data):
            raise _NotJsonError("unexpected end of JSON input")
        self._at += 1
        return self._data[self._at - 1]

    def _refuse(self, where: str) -> NoReturn:
        byte = self._data[self._at - 1]
        raise _NotJsonError(f"invalid character '{_shown(byte)}' {where}")

    def _value(self, byte: int, closers: list[int]) -> _Next:
        if byte == ord("{"):
            closers.append(ord("}"))
            return _Next.FIRST_KEY
        if byte == ord("["):
            closers.append(ord("]"))
            return _Next.FIRST_ELEMENT
        if byte == ord('"'):
            self._string()
        elif byte == ord("-") or byte in _DIGITS:
            self._number(byte)
        elif byte in _LITERALS:
            self._literal(_LITERALS[byte])
        else:
            self._refuse("looking for beginning of value")
        return _Next.END_OF_VALUE

    def _after_value(self, byte: int, closers: list[int]) -> _Next:
        if not closers:
            self._refuse("after top-level value")
        is_object = closers[-1] == ord("}")
        if byte == ord(","):
            return _Next.KEY if is_object else _Next.VALUE
        if byte != closers[-1]:
            self._refuse(f"after {'object key:value pair' if is_object else 'array element'}")
        closers.pop()
        return _Next.END_OF_VALUE

    def _string(self) -> None:
        while (byte := self._take()) != ord('"'):
            if byte < ord(" "):
                self._refuse("in string literal")
            if byte == ord("\\"):
                self._escape()

    def _escape(self) -> None:
        byte = self._take()
        if byte == ord("u"):
            for _ in range(4):
                if self._take() not in _HEX:
                    self._refuse("in \\u hexadecimal character escape")
        elif byte not in _ESCAPED:
            self._refuse("in string escape code")

    def _number(self, byte: int) -> None:
        if byte == ord("-"):
            byte = self._digit("in numeric literal")
        if byte != ord("0"):
            self._skip_digits()
        if self._data[self._at] == ord("."):
            self._at += 1
            self._digit("after decimal point in numeric literal")
            self._skip_digits()
        if self._data[self._at] in b"eE":
            self._at += 1
            if self._data[self._at] in b"+-":
                self._at += 1
            self._digit("in exponent of numeric literal")
            self._skip_digits()

    def _digit(self, where: str) -> int:
        byte = self._take()
        if byte not in _DIGITS:
            self._refuse(where)
        return byte

    def _skip_digits(self) -> None:
        # The space at the end is no digit.
        while self._data[self._at] in _DIGITS:
            self._at += 1

    def _literal(self, word: bytes) -> None:
        for byte in word[1:]:
            if self._take() != byte:
                self._refuse(f"in literal {word.decode()} (expecting '{chr(byte)}')")


def _shown(byte: int) -> str:
    """Return a byte as Go shows it: the character with that number, which is not UTF-8's."""
    if byte in _QUOTED:
        return _QUOTED[byte]
    if byte in _SPELLED:
        return _SPELLED[byte]
    if chr(byte).isprintable():
        return chr(byte)
    return f"\\x{byte:02x}" if byte < 0x80 else f"\\u{byte:04x}"
