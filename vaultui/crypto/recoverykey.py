"""The recovery key: 256 random bits, as letters and digits that are printed and typed again.

Thirteen groups of five characters from Crockford's base 32. The last one of a group is a check
character in GF(32): with the power of a primitive element for each place, one wrong character
always shows, and so do two that changed places. Each group checks to its own number, so two
groups that changed places show too. vaultfs-keyslots(5) says it in full.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from vaultui.model.errors import RecoveryKeyMistyped
from vaultui.model.language import N_, Phrase
from vaultui.model.secret import Secret

ALPHABET: Final = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
KEY_BYTES: Final = 32
GROUPS: Final = 13
_GROUP: Final = 5
_DATA: Final = _GROUP - 1
_SYMBOLS: Final = GROUPS * _GROUP
_BLANK: Final = ord(" ")
_SEPARATORS: Final = b"- \t\r\n"
_TYPESET_SEPARATORS: Final = tuple(
    sign.encode() for sign in "\u00a0\u2009\u2010\u2011\u2012\u2013\u2014\u202f\u2212\ufeff"
)
"""Blanks and dashes that programs for texts put in the place of those that were typed."""
_GROUPS_AT_LEAST: Final = 5
"""So many groups are no chance: words of a passphrase have more than one length."""
_PRIMITIVE: Final = 0b100101
"""x⁵ + x² + 1, which is primitive over GF(2): x has order 31."""
_NO_SYMBOL: Final = 255

_VALUES: Final = bytearray([_NO_SYMBOL] * 256)
for _value, _letter in enumerate(ALPHABET):
    _VALUES[_letter] = _VALUES[ord(chr(_letter).lower())] = _value
for _read, _meant in (b"O0", b"o0", b"I1", b"i1", b"L1", b"l1"):
    _VALUES[_read] = _VALUES[_meant]


def new() -> Secret:
    """Return a random recovery key."""
    return Secret(bytearray(os.urandom(KEY_BYTES)))


def format(key: Secret) -> Secret:  # noqa: A001 - the other half of `parse`
    """Return the text of a key: 77 characters, with a dash between two groups."""
    text = bytearray()
    with key.view as view:
        symbols = _symbols(view)
        for number in range(1, GROUPS + 1):
            check = 0
            for _place in range(_DATA):
                symbol = next(symbols)
                check = _times_x(check) ^ symbol
                text.append(ALPHABET[symbol])
            text.append(ALPHABET[_times_x(check) ^ number])
            if number < GROUPS:
                text += b"-"
    return Secret(text)


def looks_like_one(text: Secret) -> bool:
    """Tell whether somebody meant `text` as a recovery key.

    It is about as long, or in groups like one, of which many may be missing; and has hardly
    any other sign.
    """
    with text.view as view:
        known = sum(_VALUES[letter] != _NO_SYMBOL for letter in _letters(view))
        lengths = _group_lengths(view)
    size = sum(lengths)
    is_as_long = abs(size - _SYMBOLS) < _GROUP
    is_in_groups = lengths.count(_GROUP) >= max(_GROUPS_AT_LEAST, len(lengths) - 2)
    return (is_as_long or is_in_groups) and size - known < _GROUP


def parse(text: Secret) -> Secret:
    """Return the key; case, blanks and dashes don't matter, O is 0, and I and L are 1.

    Raises RecoveryKeyMistyped, which says in which groups the mistakes are, and nothing of
    what was typed.
    """
    symbols = bytearray()
    key = bytearray(KEY_BYTES)
    try:
        with text.view as view:
            # As long as it will ever be, so that no copy is left behind by its growing.
            symbols.extend(bytes(len(view)))
            size = _squeeze(view, symbols)
            if size != _SYMBOLS:
                wrong = _groups_of_wrong_length(view)
                raise RecoveryKeyMistyped(
                    where=_naming(wrong),
                    reason=Phrase(
                        "it has {size} characters, and not {expected}", size=size, expected=_SYMBOLS
                    ),
                )
        wrong = [
            number
            for number in range(1, GROUPS + 1)
            if not _is_sound(symbols[(number - 1) * _GROUP : number * _GROUP], number)
        ]
        if wrong:
            raise RecoveryKeyMistyped(where=_naming(wrong), reason=N_("a character is wrong there"))
        if not _pack(symbols, key):
            raise RecoveryKeyMistyped(where=_naming([1]), reason=N_("it is of another version"))
        return Secret(bytearray(key))
    finally:
        symbols[:] = bytes(len(symbols))
        key[:] = bytes(len(key))


def _symbols(key: memoryview) -> Iterator[int]:
    """Return the 52 symbols of five bits: four zeros as the version, then the key."""
    held, bits = 0, 4
    for byte in key:
        held, bits = held << 8 | byte, bits + 8
        while bits >= 5:
            bits -= 5
            yield held >> bits
            held &= (1 << bits) - 1


def _pack(symbols: bytearray, key: bytearray) -> bool:
    """Fill `key` from the symbols; return whether their version is ours."""
    held, bits, done = 0, -4, 0
    for place, symbol in enumerate(symbols[:_SYMBOLS]):
        if place % _GROUP == _DATA:
            continue
        held, bits = held << 5 | symbol, bits + 5
        if place == 0 and symbol >> 1:
            return False
        if bits >= 8:
            bits -= 8
            key[done] = held >> bits
            held &= (1 << bits) - 1
            done += 1
    return True


def _times_x(value: int) -> int:
    doubled = value << 1
    return doubled ^ _PRIMITIVE if doubled & 0b100000 else doubled


def _is_sound(group: bytearray, number: int) -> bool:
    check = 0
    for symbol in group:
        if symbol == _NO_SYMBOL:
            return False
        check = _times_x(check) ^ symbol
    return check == number


def _letters(view: memoryview) -> Iterator[int]:
    """Yield the bytes of a text, with a blank for whatever separates groups."""
    at = 0
    while at < len(view):
        size = _separator_at(view, at)
        yield _BLANK if size else view[at]
        at += size or 1


def _separator_at(view: memoryview, at: int) -> int:
    """Return how many bytes the separator at this place has, 0 where there is none."""
    if view[at] < 0x80:
        return int(view[at] in _SEPARATORS)
    return next((len(sign) for sign in _TYPESET_SEPARATORS if view[at : at + len(sign)] == sign), 0)


def _squeeze(view: memoryview, symbols: bytearray) -> int:
    """Write the value of each character that counts into `symbols`; return how many those are."""
    size = 0
    for letter in _letters(view):
        if letter != _BLANK:
            symbols[size] = _VALUES[letter]
            size += 1
    return size


def _group_lengths(view: memoryview) -> list[int]:
    """Return how many characters each group has, as they were typed."""
    lengths = [0]
    for letter in _letters(view):
        if letter != _BLANK:
            lengths[-1] += 1
        elif lengths[-1]:
            lengths.append(0)
    return lengths if lengths[-1] else lengths[:-1]


def _groups_of_wrong_length(view: memoryview) -> list[int]:
    """Return the numbers of the groups, as they were typed, that have too much or too little."""
    lengths = _group_lengths(view)
    # Without separators the groups can't be told apart.
    if len(lengths) <= 1:
        return []
    return [number for number, length in enumerate(lengths, 1) if length != _GROUP]


def _naming(groups: list[int]) -> str:
    if not groups:
        return ""
    if len(groups) == 1:
        return Phrase(" in group {number}", number=groups[0])
    return Phrase(" in groups {numbers}", numbers=", ".join(map(str, groups)))
