"""Names that sync clients give to conflict copies, as far as they can be told without a key.

A sync client that meets two versions of a file keeps one beside the other, under the same
name with something added that says so. It does not know that the name is encrypted, so what it
adds stays readable, and what it was added to can be told:

    NAME.sync-conflict-20260131-120000-ABCDEFG           Syncthing
    NAME (Ada's conflicted copy 2026-01-31)              Dropbox, in the user's language
    NAME (conflicted copy 2026-01-31 120000)             Nextcloud
    NAME_conflict-20260131-120000                        ownCloud
    NAME (SFConflict ada@example.org 2026-01-31-12-00-00), NAME.Conflict and others

It is added before an extension where the client sees one: in the name of a hashed entry that is
the hash, and the files of the volume's own have one too.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from vaultui.format.names import (
    CONF_NAME,
    DIR_IV_NAME,
    LONG_PREFIX,
    NAME_MAX,
    NAME_SUFFIX,
    companion,
)

HINT: Final = re.compile(rb"[ck]onfli", re.IGNORECASE)
"""In all marks of conflict: as this word is spelled in the languages with Latin letters.

Other files of sync clients (partial downloads, old versions) are no copies, and lack it.
"""

_START: Final = rb"(?:[^A-Za-z0-9_=-]|_conflict-\d)"
"""What a mark begins with, so that it can't be taken for more of the name."""
_SHORT: Final = re.compile(rb"([A-Za-z0-9_-]{22,}?=*)(" + _START + rb".*)", re.DOTALL)
"""No encrypted name has fewer letters than one block."""
_LONG: Final = re.compile(
    re.escape(LONG_PREFIX[:-1]) + rb"(.*?)(\.[A-Za-z0-9_-]{43}=?)((?:" + _START + rb".*)?)",
    re.DOTALL,
)


_PLAIN_MARK: Final = re.compile(
    rb"\.sync-conflict-\d{8}-\d{6}(?:-\w+)?|_conflict-\d{8}-\d{6}|\.Conflict\d*(?=\.|$)"
    rb"| \([^()]*[ck]onfli[^()]*\)",
    re.IGNORECASE,
)
"""A mark in a plain name, where nothing tells the name and what was added apart."""


class ConflictName(NamedTuple):
    """The name on disk of a conflict copy."""

    original: bytes
    """The name on disk of what it is a copy of."""
    mark: bytes
    """What was added to it."""
    is_entry: bool = True
    """False for a copy of a file of the volume's own, such as an IV or a companion."""


def parse(cname: bytes) -> ConflictName | None:
    """Return what the name of a conflict copy consists of; None for all other names.

    Whether the original is the encrypted name of anything only the key can tell.
    """
    if not HINT.search(cname):
        return None
    for own in (CONF_NAME, DIR_IV_NAME):
        if mark := _added(cname, own):
            return ConflictName(own, mark, is_entry=False)
    if found := _LONG.fullmatch(cname):
        return _long(found[1], found[2], found[3])
    if found := _SHORT.fullmatch(cname):
        return ConflictName(found[1], found[2])
    return None


def parse_plain(name: bytes) -> ConflictName | None:
    """Return what the name of a conflict copy consists of where names are plain.

    People give such names too, so it is one only where the original lies beside it.
    """
    if not (found := list(_PLAIN_MARK.finditer(name))):
        return None
    start, end = found[-1].span()
    return ConflictName(name[:start] + name[end:], found[-1][0])


def _added(cname: bytes, original: bytes) -> bytes:
    """Return what was added to `original`, behind it or before its extension; b"" for nothing."""
    if cname.startswith(original):
        return cname[len(original) :]
    stem, _dot, extension = original.rpartition(b".")
    extension = b"." + extension
    if cname.startswith(stem) and cname.endswith(extension):
        return cname[len(stem) : -len(extension)]
    return b""


def _long(before: bytes, extension: bytes, behind: bytes) -> ConflictName | None:
    hashed = LONG_PREFIX[:-1] + extension
    if behind.startswith(NAME_SUFFIX) or behind.endswith(NAME_SUFFIX):
        mark = before or behind.replace(NAME_SUFFIX, b"", 1)
        return ConflictName(companion(hashed), mark, is_entry=False) if mark else None
    if bool(before) == bool(behind):
        return None
    return ConflictName(hashed, before or behind)


def with_mark(name: bytes, mark: bytes) -> bytes:
    """Return the plain name of a copy of `name`: marked as the sync client would have done it.

    That is before the extension, by which programs go. A name that gets too long for a file
    system loses the end of what stands before the mark.
    """
    at = name.rfind(b".")
    stem, extension = (name[:at], name[at:]) if at > 0 else (name, b"")
    if len(mark) + len(extension) >= NAME_MAX:
        stem, extension = name, b""
    room = NAME_MAX - len(mark) - len(extension)
    if len(stem) > room:
        # Not in the middle of a character, where it is text.
        stem = stem[:room].decode("utf-8", "ignore").encode() or stem[:room]
    return stem + mark + extension
