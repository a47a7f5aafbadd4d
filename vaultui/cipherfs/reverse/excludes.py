"""What a reverse view leaves out: patterns in the syntax of gitignore(5), read as gocryptfs does.

Nothing but the plaintext path decides, and of all patterns that match it the last one. So a
pattern holds for an entry and for everything below it, and that makes three things differ from
git, which are kept because backups rely on them:

- `*` and `!/important` show the directory with all that is in it.
- A slash in the middle does not tie a pattern to the root, unless `*.` comes after it.
- `cache/` leaves the directory there, empty; `cache/**` takes it away.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final, NamedTuple

_TIED_BY_SUFFIX: Final = re.compile(r"[^/]/.*\*\.")
_TOKENS: Final = re.compile(
    r"(?P<between>/\*\*/)"
    r"|(?P<above>\*\*/)"
    r"|(?P<below>/\*\*)"
    r"|(?P<star>\*)"
    r"|(?P<one>\?)"
    r"|\[(?P<negated>[!^]?)(?P<set>\]?(?:\[:[a-z]+:\]|\\.|[^\]\\])*)\]"
    r"|\\(?P<escaped>.)"
    r"|(?P<literal>.)",
    re.DOTALL,
)
_IN_SET: Final = re.compile(r"\[:([a-z]+):\]|[\[&~|]|-(?=-)")
"""Named classes, and what Python keeps for operations on sets."""
_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-.0-~",
    "lower": "a-z",
    "print": " -.0-~",
    "punct": "!-.:-@\\[-`{-~",
    "space": r"\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
"""Sets of characters with a name (POSIX.1, 9.3.5), inside of brackets; a slash is in none."""
_STAR: Final = "[^/]*"
_MEANINGS: Final = {
    "between": "(?:/|/.+/)",
    "above": "(?:|.*/)",
    "below": "(?:|/.*)",
    "one": "[^/]",
}


class _Pattern(NamedTuple):
    matches: re.Pattern[str]
    excludes: bool


class Excludes:
    """The patterns of one mount."""

    def __init__(self, paths: Iterable[str] = (), patterns: Iterable[str] = ()) -> None:
        """`paths` begin at the root. `patterns` are lines of a pattern file, in their order."""
        lines = [*(f"/{path}" for path in paths), *patterns]
        compiled = [pattern for line in lines if (pattern := _parse(line)) is not None]
        # The last that matches counts, so it is looked for from the end.
        self._patterns = compiled[::-1]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def hides(self, path: bytes) -> bool:
        """Tell whether the plaintext `path`, relative and not empty, is left out."""
        text = os.fsdecode(path)
        for pattern in self._patterns:
            if pattern.matches.fullmatch(text):
                return pattern.excludes
        return False


def _parse(line: str) -> _Pattern | None:
    """Return the pattern in a line; None for comments, and for what can match nothing."""
    line = line.rstrip("\r")
    if line.startswith("#"):
        return None
    line = _strip(line)
    excludes = not line.startswith("!")
    line = line if excludes else line[1:]
    if not line:
        return None
    if _TIED_BY_SUFFIX.search(line):
        line = "/" + line.removeprefix("/")
    line = line.removeprefix("/") if line.startswith("/**/") else line
    anchor = "" if line.startswith("/") else "(?:|.*/)"
    tail = "(?:|.*)" if line.endswith("/") else "(?:|/.*)"
    try:
        expression = anchor + _translate(line.removeprefix("/")) + tail
        return _Pattern(re.compile(expression, re.DOTALL), excludes)
    except re.error:  # a range that runs backwards
        return None


def _strip(line: str) -> str:
    """Return `line` without spaces around it; one behind a backslash stays."""
    line = line.lstrip(" ")
    stripped = line.rstrip(" ")
    return stripped + " " if stripped.endswith("\\") and stripped != line else stripped


def _translate(glob: str) -> str:
    """Return the regular expression for a pattern without the slash that it may begin with.

    Of several stars in one name all but the last take what comes first, and don't try again:
    the others then have the most room. Without that a long name of somebody else would keep a
    pattern of a few stars busy for minutes.
    """
    done = ""
    since_star: str | None = None
    for token in _TOKENS.finditer(glob):
        if token.lastgroup == "star":
            if since_star is not None:
                done += f"(?>{_STAR}?{since_star})"
            since_star = ""
            continue
        piece = _piece(token)
        if "/" in token[0]:
            if since_star is not None:
                done += _STAR + since_star
                since_star = None
            done += piece
        elif since_star is None:
            done += piece
        else:
            since_star += piece
    return done if since_star is None else done + _STAR + since_star


def _piece(token: re.Match[str]) -> str:
    """Return the regular expression for one token other than a star."""
    kind = token.lastgroup or ""
    if kind == "set":
        # A set of characters is written alike, but for its negation and what is named.
        members = _IN_SET.sub(lambda m: _CLASSES.get(m[1]) or rf"\{m[0]}", token["set"])
        members = rf"\{members}" if members.startswith("]") else members
        return f"[^/{members}]" if token["negated"] else f"[{members}]"
    return _MEANINGS.get(kind) or re.escape(token[kind])
