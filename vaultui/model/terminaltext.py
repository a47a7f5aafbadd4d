"""Text of strangers, made safe to print: names of files and processes may hold anything."""

from __future__ import annotations

import unicodedata

_TURNS_TEXT = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""The bidirectional controls of Unicode (UAX 9): with them a name can pretend to be another."""


def shown(text: str) -> str:
    """Return `text` safe for a terminal: what cannot be shown is spelled out as in `ls -b`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_spelled(character) for character in text)


def quoted(text: str) -> str:
    """Return `text` in double quotes and safe for a terminal, as Go's %q: one word to a script."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown(escaped)}"'


def shell_word(text: str) -> str:
    """Return `text` as one word of a shell, safe for a terminal, for commands to be copied."""
    safe = shown(text)
    if safe and all(character.isalnum() or character in "@%+=:,./-_" for character in safe):
        return safe
    return "'" + safe.replace("'", r"'\''") + "'"


def _spelled(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, as os.fsdecode carries it
        return f"\\x{code - 0xDC00:02x}"
    if character in _TURNS_TEXT or unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
        return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    return character
