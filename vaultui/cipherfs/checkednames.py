"""The names in one directory as a check sees them: what they are, and what is wrong with some."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import NamedTuple

from vaultui.cipherfs.conflictcopies import EntryNamesWithCopies, is_own_copy
from vaultui.cipherfs.entrynames import EntryNames, WalkedPlace, entry_names_of
from vaultui.cipherfs.metadata import (
    REMOVED_IV_PREFIX,
    BadDirIv,
    is_staging_name,
    read_dir_iv,
)
from vaultui.cipherfs.volume import Volume
from vaultui.crypto.filename import BadName
from vaultui.format import conflictnames
from vaultui.format.conflictnames import HINT
from vaultui.format.names import DIR_IV_NAME, is_companion
from vaultui.model.language import N_, Phrase


class Copy(NamedTuple):
    """A conflict copy of a sync client."""

    name: bytes
    """Plain; of a copy without a plain name, the name on disk."""
    cname: bytes
    original: bytes
    """Plain name of what it is a copy of; empty for a file of the volume's own."""


@dataclass
class FoundNames:
    entries: list[tuple[bytes, bytes]] = field(default_factory=list)
    """(name, name on disk) of what can be decrypted."""
    bad: list[tuple[bytes, str]] = field(default_factory=list)
    """(name on disk, reason) of what can't, and of what names nothing."""
    copies: list[Copy] = field(default_factory=list)
    """Those of entries are among the entries, too."""


class CheckedNames:
    """Reads the names in directories of one volume."""

    def __init__(self, volume: Volume) -> None:
        self._are_plain = volume.names.is_plain
        self._names: EntryNames = (
            entry_names_of(volume)
            if self._are_plain
            else EntryNamesWithCopies(volume.names, volume.features.long_name_max)
        )

    def read(self, folder: WalkedPlace) -> FoundNames:
        """Return all names in a directory. Raises OSError where it can't be listed."""
        found = FoundNames()
        cnames = list(map(os.fsencode, os.listdir(folder.fd)))
        undecryptable: list[tuple[bytes, BadName]] = []
        found.entries = self._names.shown_of(folder, cnames, lambda *bad: undecryptable.append(bad))
        hinted = sorted(filter(HINT.search, cnames))
        if self._are_plain:
            found.copies = _plain_copies(hinted, set(cnames))
        else:
            found.copies = self._copies(folder, hinted, found.entries)
            others = _other_ivs(folder, hinted)
            found.bad = [
                (cname, self._reason(folder, cname, others) or error.reason)
                for cname, error in undecryptable
            ]
            found.bad += self._stray_companions(cnames)
        return found

    def _copies(
        self, folder: WalkedPlace, hinted: list[bytes], entries: list[tuple[bytes, bytes]]
    ) -> list[Copy]:
        if not hinted:
            return []
        shown = {cname: name for name, cname in entries}
        copies = []
        for cname in hinted:
            original = self._names.original_of(folder, cname)
            if original is not None:
                copies.append(Copy(shown[cname], cname, original))
            elif is_own_copy(cname):
                copies.append(Copy(cname, cname, b""))
        return copies

    def _stray_companions(self, cnames: list[bytes]) -> list[tuple[bytes, str]]:
        wanted = set(map(self._names.companion_of, cnames))
        return [
            (cname, N_("it names nothing; it may be deleted"))
            for cname in sorted(filter(is_companion, cnames))
            if cname not in wanted and not (is_own_copy(cname) or is_staging_name(cname))
        ]

    def _reason(self, folder: WalkedPlace, cname: bytes, others: dict[str, bytes]) -> str:
        """Return what is known about a name that can't be decrypted; "" for nothing."""
        if cname.startswith(REMOVED_IV_PREFIX):
            return N_("left by an interrupted rmdir; it may be deleted")
        for other, iv in others.items():
            try:
                self._names.shown(folder._replace(iv=iv), cname)
            except BadName:
                continue
            return Phrase(
                "it belongs to another version of this directory's IV, {other}", other=other
            )
        return ""


def _plain_copies(hinted: list[bytes], cnames: set[bytes]) -> list[Copy]:
    parsed = [(name, conflictnames.parse_plain(name)) for name in hinted]
    return [
        Copy(name, name, copy.original) for name, copy in parsed if copy and copy.original in cnames
    ]


def _other_ivs(folder: WalkedPlace, hinted: list[bytes]) -> dict[str, bytes]:
    """Return the IVs that a sync client kept beside that of a directory, by their names on disk.

    Two machines that make one directory at the same time give it an IV each; of the files that
    both put into it, the IV that won decrypts the names of one machine alone.
    """
    others = {}
    for cname in hinted:
        copy = conflictnames.parse(cname)
        if copy is not None and copy.original == DIR_IV_NAME:
            try:
                others[os.fsdecode(cname)] = read_dir_iv(folder.fd, cname)
            except (BadDirIv, OSError):
                continue
    return others
