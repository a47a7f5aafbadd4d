"""The settings file as stretches of lines: its head, and each table with the comment above it.

To TOML a comment right above a table belongs to the table before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from vaultui.vaults.setting import KEYMAP

_VAULT_HEADER = re.compile(r"\s*\[\[\s*vault\s*\]\]")
_KEYMAP_HEADER = re.compile(rf"\s*\[\s*{KEYMAP}\s*\]")
_BELOW_VAULT = re.compile(r"\s*\[\s*vault\s*\.")
_HEADER = re.compile(r"\s*\[")


def pieces_of(text: str) -> list[list[str]]:
    """Return the lines before the first table, and those of each table from its comment on."""
    pieces: list[list[str]] = [[]]
    for line in text.splitlines(keepends=True):
        if _HEADER.match(line) and not _belongs_below(pieces[-1], line):
            before = pieces[-1]
            above = _comment_above(before)
            if len(above) == len(before):  # it begins the file, and is about all of it
                above = []
            del before[len(before) - len(above) :]
            pieces.append(above)
        pieces[-1].append(line)
    return pieces


def head_and_tables(piece: Sequence[str]) -> list[list[str]]:
    """Return the lines of a vault itself, and those of the tables below it from its comment on."""
    tables = [n for n, line in enumerate(piece) if _BELOW_VAULT.match(line)]
    end = min(tables, default=len(piece))
    end -= len(_comment_above(list(piece[:end])))
    return [list(piece[:end]), list(piece[end:])] if tables else [list(piece)]


def _belongs_below(piece: Sequence[str], line: str) -> bool:
    """Return whether a header is that of a table within the vault of the piece before it."""
    return bool(_BELOW_VAULT.match(line)) and has_vault(piece)


def has_vault(lines: Sequence[str]) -> bool:
    """Return whether the table of a vault begins in these lines."""
    return any(_VAULT_HEADER.match(line) for line in lines)


def vaults_in(pieces: Sequence[Sequence[str]]) -> list[int]:
    """Return the numbers of the pieces that are vaults, in the order of the file."""
    return [number for number, piece in enumerate(pieces) if has_vault(piece)]


def joined(pieces: Sequence[Sequence[str]]) -> str:
    """Return the text of the pieces, with an empty line before each table."""
    text = ""
    for piece in pieces:
        if text and not text.endswith("\n"):
            text += "\n"
        if text and piece and not text.endswith("\n\n"):
            text += "\n"
        text += "".join(piece)
    return text


def _comment_above(lines: Sequence[str]) -> list[str]:
    above: list[str] = []
    for line in reversed(lines):
        if not line.lstrip().startswith("#"):
            break
        above.insert(0, line)
    return above


def piece_of(pieces: list[list[str]], place: int | None, key: str) -> int:
    """Return which piece has the table of a setting, made if need be; beyond the last for none."""
    if place is not None:
        slots = vaults_in(pieces)
        return slots[place] if place < len(slots) else len(pieces)
    if not key.startswith(f"{KEYMAP}."):
        return 0
    for number, piece in enumerate(pieces):
        if any(_KEYMAP_HEADER.match(line) for line in piece):
            return number
    if pieces[0] and pieces[0][-1].strip():
        pieces[0].append("\n")
    pieces.insert(1, [f"[{KEYMAP}]\n", "\n"])
    return 1


def is_content(line: str) -> bool:
    """Return whether a line is neither empty nor a comment."""
    return bool(line.strip()) and not line.lstrip().startswith("#")
