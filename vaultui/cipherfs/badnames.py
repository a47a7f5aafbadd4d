"""Names that can't be decrypted, shown all the same where somebody asked for them.

A sync client that meets two versions of a file keeps one under the encrypted name with something
added, such as ` (conflicted copy)`. What is added is not base64, so the entry has no name in
the mount. Entries whose names on disk match a pattern are shown under the longest beginning that
decrypts, the rest as it is, and a mark; under that name they can be opened, renamed, removed.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

from vaultui.cipherfs.entrynames import EntryNames, Place
from vaultui.crypto.filename import BadName, Names
from vaultui.crypto.hazmat.eme import BLOCK
from vaultui.linux.errnos import os_error

MARK: Final = b" GOCRYPTFS_BAD_NAME"

_SHORTEST: Final = -(-BLOCK * 8 // 6)
"""Letters of base64 that hold one block: no encrypted name has fewer."""


class BadPattern(ValueError):
    """A pattern that Go's filepath.Match refuses."""


def compile_pattern(pattern: str) -> re.Pattern[str]:
    r"""Return what matches a whole name as Go's filepath.Match does; raises BadPattern.

    `*` is any run of characters, `?` any one, `[a-z]` one of a class, `[^a-z]` one that is not
    in it, and `\` takes the meaning from what follows. An exclamation mark has none.
    """
    rest = iter(pattern)
    made = []
    for letter in rest:
        match letter:
            case "*":
                made.append(".*")
            case "?":
                made.append(".")
            case "[":
                made.append(_character_class(rest))
            case "\\":
                made.append(re.escape(_next(rest)))
            case _:
                made.append(re.escape(letter))
    return re.compile("".join(made), re.DOTALL)


def _character_class(letters: Iterator[str]) -> str:
    """Return the class that follows an opening bracket; takes its closing one."""
    letter = _next(letters)
    negation = letter == "^"
    if negation:
        letter = _next(letters)
    ranges: list[tuple[str, str]] = []
    while letter != "]" or not ranges:
        low, letter = _bound(letter, letters), _next(letters)
        high = low
        if letter == "-":
            high, letter = _bound(_next(letters), letters), _next(letters)
        ranges.append((low, high))
    # Go takes a range that runs backwards for one that nothing is in.
    inside = "".join(f"{re.escape(a)}-{re.escape(b)}" for a, b in ranges if a <= b)
    if not inside:
        return "." if negation else "(?!)"
    return f"[{'^' if negation else ''}{inside}]"


def _bound(letter: str, rest: Iterator[str]) -> str:
    """Return one end of a range, which may be written with a backslash."""
    if letter in "]-":
        raise BadPattern
    return _next(rest) if letter == "\\" else letter


def _next(letters: Iterator[str]) -> str:
    for letter in letters:
        return letter
    raise BadPattern


class LenientEntryNames(EntryNames):
    """Encrypted names, and bad ones that match a pattern."""

    def __init__(self, names: Names, long_name_max: int, patterns: Iterable[str]) -> None:
        """Raises BadPattern."""
        super().__init__(names, long_name_max)
        self._patterns = [compile_pattern(pattern) for pattern in patterns]

    def on_disk(self, place: Place, name: bytes) -> bytes:
        """Return the name on disk of the entry `name`.

        ENOENT for a name with the mark that no entry is shown under, or two are: nothing can
        be made under such a name, as gocryptfs has it.
        """
        if not name.endswith(MARK):
            return super().on_disk(place, name)
        found = [cname for shown, cname in self.list(place, lambda *_: None) if shown == name]
        if len(found) != 1:
            raise os_error(errno.ENOENT)
        return found[0]

    def shown(self, place: Place, cname: bytes) -> bytes | None:
        try:
            return super().shown(place, cname)
        except BadName:
            text = os.fsdecode(cname)
            if not any(pattern.fullmatch(text) for pattern in self._patterns):
                raise
        for end in range(len(cname) - 1, _SHORTEST - 1, -1):
            try:
                return self._names.decrypt(cname[:end], place.iv) + cname[end:] + MARK
            except BadName:
                continue
        return cname + MARK
