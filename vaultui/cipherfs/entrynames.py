"""Names of entries in a directory: the one on disk for the one that is shown, and back.

`EntryNames` is for encrypted names, with an IV in each directory or without; `PlainEntryNames`
for names that lie on disk as they are, where only the config in the root is out of reach.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol

from vaultui.cipherfs.metadata import read_companion
from vaultui.cipherfs.volume import Volume
from vaultui.crypto.filename import BadName, Names, NameTooLong
from vaultui.format.names import CONF_NAME, DIR_IV_NAME, companion, is_companion, is_long
from vaultui.linux.errnos import os_error

_OWN_PREFIX: Final = b"gocryptfs."
"""What the names of all files of the volume's own, and hashed names, begin with."""

OnBadName = Callable[[bytes, BadName], None]
"""Told the name on disk that can't be shown, and why."""


class Place(Protocol):
    """An open directory, as far as the names in it depend on it."""

    @property
    def fd(self) -> int: ...

    @property
    def iv(self) -> bytes: ...

    @property
    def is_root(self) -> bool: ...


class WalkedPlace(NamedTuple):
    """A `Place` on the way of somebody who opens directories for a walk of their own."""

    fd: int
    iv: bytes
    is_root: bool


class EntryNames:
    """Encrypted names; those that are too long on disk are hashed and have a companion."""

    has_companion = staticmethod(is_long)
    """Tells whether an entry that is made under that name on disk gets a companion."""

    def __init__(self, names: Names, long_name_max: int) -> None:
        self._names = names
        self._long_name_max = long_name_max
        self.are_plain: Final = names.is_plain
        self.uses_dir_iv: Final = names.uses_dir_iv

    def on_disk(self, place: Place, name: bytes) -> bytes:
        """Return the name on disk of the entry `name`; raises OSError for what can't be one."""
        try:
            cname = self._names.encrypt(name, place.iv)
        except BadName as error:
            raise _name_error(error) from None
        if len(cname) > self._long_name_max:
            return self._names.hash_long_name(cname)
        return cname

    def full(self, place: Place, name: bytes) -> bytes:
        """Return the whole encrypted name, which the companion of a hashed entry holds."""
        return self._names.encrypt(name, place.iv)

    def shown(self, place: Place, cname: bytes) -> bytes | None:
        """Return the name that the entry `cname` is shown under; raises BadName.

        None for what is no entry, but a file of the volume's own.
        """
        if cname.startswith(_OWN_PREFIX):
            if self._is_own(place, cname):
                return None
            if is_long(cname):
                cname = read_companion(place.fd, cname, self._names)
        return self._names.decrypt(cname, place.iv)

    def _is_own(self, place: Place, cname: bytes) -> bool:
        if cname == CONF_NAME:
            return place.is_root
        return is_companion(cname) or (cname == DIR_IV_NAME and self.uses_dir_iv)

    def companion_of(self, cname: bytes) -> bytes | None:
        """Return the file that keeps the full name of an entry; None for a name that is short."""
        return companion(cname) if self.has_companion(cname) else None

    def companion_left_by(self, _place: Place, cname: bytes) -> bytes | None:
        """Return the companion that nobody needs any more once the entry `cname` is gone."""
        return self.companion_of(cname)

    def original_of(self, _place: Place, _cname: bytes) -> bytes | None:
        """Return the plain name of what an entry is a conflict copy of; None if it is none."""
        return None

    def shown_of(
        self, place: Place, cnames: Iterable[bytes], on_bad: OnBadName
    ) -> list[tuple[bytes, bytes]]:
        """Return (name, name on disk) of those that can be shown, of all `cnames` in `place`."""
        entries = []
        for cname in cnames:
            try:
                name = self.shown(place, cname)
            except BadName as error:
                on_bad(cname, error)
            else:
                if name is not None:
                    entries.append((name, cname))
        return entries

    def list(self, place: Place, on_bad: OnBadName) -> list[tuple[bytes, bytes]]:
        """Return (name, name on disk) of all entries that can be shown."""
        return self.shown_of(place, map(os.fsencode, os.listdir(place.fd)), on_bad)


class PlainEntryNames(EntryNames):
    """Names as they are: none is reserved, hashed or undecryptable."""

    def on_disk(self, place: Place, name: bytes) -> bytes:
        if name == CONF_NAME and place.is_root:
            # As gocryptfs has it: the config can neither be reached nor be covered up.
            raise os_error(errno.EPERM)
        return super().on_disk(place, name)

    @staticmethod
    def has_companion(cname: bytes) -> bool:
        return False

    def shown(self, place: Place, cname: bytes) -> bytes | None:
        if cname == CONF_NAME and place.is_root:
            return None
        return self._names.decrypt(cname, place.iv)


def entry_names_of(volume: Volume) -> EntryNames:
    """Return how `volume` keeps the names of entries."""
    kind = PlainEntryNames if volume.names.is_plain else EntryNames
    return kind(volume.names, volume.features.long_name_max)


def _name_error(error: BadName) -> OSError:
    """Return the errno for a plain name that no entry can have."""
    number = errno.ENAMETOOLONG if isinstance(error, NameTooLong) else errno.EINVAL
    return os_error(number)
