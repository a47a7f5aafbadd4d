"""Names in a reverse view: the encrypted one that is shown for a plain one, and back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Final, NamedTuple

from vaultui.cipherfs.reverse import ivs
from vaultui.crypto.filename import FIXED_IV, BadName, Names
from vaultui.format.names import is_long

_REMEMBERED: Final = 16_384
"""Hashed names whose plain ones are kept: some 5 MB."""


class Shown(NamedTuple):
    name: bytes
    """As it is shown: encrypted, and hashed if that is too long."""
    full: bytes
    """The whole encrypted name; of a hashed one, what its companion holds."""


class UnknownHash(Exception):
    """A hashed name whose plain name has not been met: the directory must be searched."""


class ShownNames:
    """Translates names within one directory, which is given by its IV."""

    def __init__(self, names: Names, long_name_max: int) -> None:
        self._names = names
        self._long_name_max = long_name_max
        self.are_plain: Final = names.is_plain
        self.has_dir_ivs: Final = names.uses_dir_iv
        self._by_hash: dict[tuple[bytes, bytes], bytes] = {}

    def dir_iv(self, path: bytes) -> bytes:
        """Return the IV of the names in the directory with the encrypted `path`."""
        return ivs.dir_iv(path) if self.has_dir_ivs else FIXED_IV

    def shown(self, plain: bytes, dir_iv: bytes) -> Shown:
        """Return how the entry `plain` is shown; raises BadName for what is no name."""
        full = self._names.encrypt(plain, dir_iv)
        if self.are_plain or len(full) <= self._long_name_max:
            return Shown(full, full)
        hashed = self._names.hash_long_name(full)
        # What a hash stands for never changes, so this is only ever dropped for its size.
        if len(self._by_hash) >= _REMEMBERED:
            self._by_hash.clear()
        self._by_hash[dir_iv, hashed] = plain
        return Shown(hashed, full)

    def plain(self, shown: bytes, dir_iv: bytes) -> bytes:
        """Return the plain name that is shown as `shown`; raises BadName or UnknownHash."""
        if self.are_plain or not is_long(shown):
            if len(shown) > self._long_name_max:
                raise BadName("it is too long to be shown as it is")
            return self._names.decrypt(shown, dir_iv)
        try:
            return self._by_hash[dir_iv, shown]
        except KeyError:
            raise UnknownHash from None

    def learn(self, plain_names: Iterable[bytes], dir_iv: bytes) -> None:
        """Meet the entries of a directory, so that `plain` knows their hashed names."""
        for plain in plain_names:
            with contextlib.suppress(BadName):
                self.shown(plain, dir_iv)
