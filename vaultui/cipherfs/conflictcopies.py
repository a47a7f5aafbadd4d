"""Conflict copies of sync clients, shown under plain names.

A copy of an entry is shown as the sync client would have called it, had it known the plain name:
`report.odt` and `report.sync-conflict-20260131-120000-ABCDEFG.odt`. It is an entry like all
others: read, written, renamed, removed; on the disk it keeps its name as long as it keeps
it here. Under a new name it becomes an ordinary entry. A copy of a hashed entry shares the
companion, which stays until the last of them has gone.

Copies of the volume's own files, such as an IV, are not shown.
"""

from __future__ import annotations

import errno
import itertools
import os
import time
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from vaultui.cipherfs.entrynames import EntryNames, OnBadName, Place
from vaultui.crypto.filename import BadName, Names
from vaultui.format import conflictnames
from vaultui.format.conflictnames import HINT
from vaultui.format.names import NAME_SUFFIX, companion, is_long

_BELIEVED_S: Final = 1.0
"""How long it is believed which hashed entries of a directory have copies: whoever removes a
thousand of them must not list the directory a thousand times."""


class _Hashed(NamedTuple):
    """Which hashed entries of one directory have copies."""

    directory: tuple[int, int]
    at: float
    originals: frozenset[bytes]


class EntryNamesWithCopies(EntryNames):
    """Encrypted names, and those of conflict copies. Usable from several threads."""

    def __init__(self, names: Names, long_name_max: int) -> None:
        super().__init__(names, long_name_max)
        self._hashed: _Hashed | None = None

    def on_disk(self, place: Place, name: bytes) -> bytes:
        """Return the name on disk of the entry `name`: of that copy, where there is one.

        A name that was encrypted as it should be comes first, and is what a new entry gets.
        """
        cname = super().on_disk(place, name)
        if not HINT.search(name) or _exists(place.fd, cname):
            return cname
        return self._copies(place, _names_in(place)).get(name, cname)

    @staticmethod
    def has_companion(cname: bytes) -> bool:
        return is_long(cname) and conflictnames.parse(cname) is None

    def companion_of(self, cname: bytes) -> bytes | None:
        copy = conflictnames.parse(cname)
        hashed = cname if copy is None else copy.original
        return companion(hashed) if is_long(hashed) else None

    def companion_left_by(self, place: Place, cname: bytes) -> bytes | None:
        beside = self.companion_of(cname)
        if beside is None:
            return None
        hashed = beside.removesuffix(NAME_SUFFIX)
        is_copy = hashed != cname
        # Where a copy has gone nothing may be believed any more; they are few.
        if hashed in self._hashed_with_copies(place, 0.0 if is_copy else _BELIEVED_S):
            return None
        return None if is_copy and _exists(place.fd, hashed) else beside

    def shown(self, place: Place, cname: bytes) -> bytes | None:
        copy = conflictnames.parse(cname)
        if copy is None:
            return super().shown(place, cname)
        if not copy.is_entry:
            return None
        super().shown(place, copy.original)  # or the copy has no name either
        shown = {cname: name for name, cname in self._copies(place, _names_in(place)).items()}
        return shown.get(cname)

    def shown_of(
        self, place: Place, cnames: Iterable[bytes], on_bad: OnBadName
    ) -> list[tuple[bytes, bytes]]:
        cnames = list(cnames)
        hinted = list(filter(HINT.search, cnames))
        if not hinted:
            return super().shown_of(place, cnames, on_bad)
        copies = self._copies(place, set(cnames))
        done = {*copies.values(), *filter(is_own_copy, hinted)}
        others = (cname for cname in cnames if cname not in done)
        return [*copies.items(), *super().shown_of(place, others, on_bad)]

    def original_of(self, place: Place, cname: bytes) -> bytes | None:
        copy = conflictnames.parse(cname)
        if copy is None or not copy.is_entry:
            return None
        try:
            return super().shown(place, copy.original)
        except BadName:
            return None

    def _copies(self, place: Place, cnames: Collection[bytes]) -> dict[bytes, bytes]:
        """Return the conflict copies among all names of a directory, by the names shown.

        In a fixed order, so that whoever asks again gets the same answer.
        """
        copies: dict[bytes, bytes] = {}
        for cname in sorted(filter(HINT.search, cnames)):
            name = self.original_of(place, cname)
            if name is not None:
                copies[self._free_name(place, name, cname, cnames, copies)] = cname
        return copies

    def _free_name(
        self,
        place: Place,
        name: bytes,
        cname: bytes,
        cnames: Collection[bytes],
        taken: Collection[bytes],
    ) -> bytes:
        """Return a name for a copy of `name` that nothing else in the directory has."""
        copy = conflictnames.parse(cname)
        assert copy is not None
        shown = conflictnames.with_mark(name, copy.mark)
        for number in itertools.count(2):
            if shown not in taken and super().on_disk(place, shown) not in cnames:
                break
            shown = conflictnames.with_mark(name, copy.mark + b"~%d" % number)
        return shown

    def _hashed_with_copies(self, place: Place, max_age_s: float) -> frozenset[bytes]:
        """Return the hashed names in a directory of which there are copies."""
        status = os.stat(place.fd)
        directory = (status.st_dev, status.st_ino)
        now = time.monotonic()
        known = self._hashed
        if known is None or known.directory != directory or now - known.at > max_age_s:
            copies = map(conflictnames.parse, _names_in(place))
            originals = frozenset(copy.original for copy in copies if copy and copy.is_entry)
            known = self._hashed = _Hashed(directory, now, originals)
        return known.originals


def is_own_copy(cname: bytes) -> bool:
    """Tell whether `cname` is a conflict copy of a file of the volume's own."""
    copy = conflictnames.parse(cname)
    return copy is not None and not copy.is_entry


def _names_in(place: Place) -> set[bytes]:
    """Return all names in a directory; none of one that may be entered but not listed."""
    try:
        return set(map(os.fsencode, os.listdir(place.fd)))
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return set()


def _exists(directory_fd: int, cname: bytes) -> bool:
    try:
        os.stat(cname, dir_fd=directory_fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
