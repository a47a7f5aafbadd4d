"""The maps of a new user namespace: the child waits while the parent writes them.

    parent                            child
       │ ── fork ──▶                    │
       │                                │  is in a new user namespace
       │ ◀── a byte ─────────────────── │
       │  writes the maps               │
       │ ── errno, 0 for none ────────▶ │
       │                                │  goes on, or has failed with that errno

Whoever of the two ends early closes its pipe with that, and the other does not wait for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from typing import Final, Self

from vaultui.linux import idmaps
from vaultui.wire.attributes import Attributes, IdRange, Namespace

_ORDER: Final = "little"


class IdMaps:
    """The conversation. Made before the fork; then the child calls `wait`, the parent `serve`."""

    def __init__(
        self, uids: Sequence[IdRange], gids: Sequence[IdRange], *, setgroups: bool
    ) -> None:
        self._uids, self._gids = _ranges(uids), _ranges(gids)
        self._setgroups = setgroups
        self._request = os.pipe()
        self._answer = os.pipe()

    @classmethod
    def wanted_by(cls, attributes: Attributes) -> Self | None:
        """Return those of `attributes`; None where it has none."""
        if Namespace.USER not in attributes.namespaces:
            return None
        if not attributes.uid_maps and not attributes.gid_maps:
            return None
        return cls(attributes.uid_maps, attributes.gid_maps, setgroups=attributes.setgroups)

    def serve(self, pid: int) -> None:
        """Write the maps of child `pid` when it asks for them; return when it has its answer.

        What goes wrong is told to the child, which ends with it.
        """
        os.close(self._request[1])
        os.close(self._answer[0])
        if os.read(self._request[0], 1):
            number = 0
            try:
                idmaps.write(pid, self._uids, self._gids, setgroups=self._setgroups)
            except OSError as error:
                number = error.errno or errno.EIO
            # A child that is gone needs none, and whoever waits for it learns how it ended.
            with contextlib.suppress(BrokenPipeError):
                os.write(self._answer[1], number.to_bytes(4, _ORDER))
        os.close(self._request[0])
        os.close(self._answer[1])

    def wait(self) -> None:
        """Have the parent write the maps of the user namespace that we are in; raises OSError.

        ECHILD is a parent that is gone.
        """
        os.close(self._request[0])
        os.close(self._answer[1])
        try:
            os.write(self._request[1], b"!")
        except BrokenPipeError as error:
            raise OSError(errno.ECHILD, "the parent is gone") from error
        answer = os.read(self._answer[0], 4)
        os.close(self._request[1])
        os.close(self._answer[0])
        number = int.from_bytes(answer, _ORDER) if answer else errno.ECHILD
        if number:
            raise OSError(number, os.strerror(number))


def write_own(attributes: Attributes) -> None:
    """Write the maps of our own new user namespace, which has no parent to do it."""
    uids, gids = _ranges(attributes.uid_maps), _ranges(attributes.gid_maps)
    idmaps.write("self", uids, gids, setgroups=attributes.setgroups)


def _ranges(of: Sequence[IdRange]) -> list[tuple[int, int, int]]:
    return [(one.inside, one.outside, one.count) for one in of]
