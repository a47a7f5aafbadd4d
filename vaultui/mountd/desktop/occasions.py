"""Who is told of an occasion to lock, as those see it who notice one."""

from __future__ import annotations

from typing import Protocol

import trio

from vaultui.wire.autolock import GuardState, LockOn


class Occasions(Protocol):
    def begin(self, on: LockOn, reason: str) -> trio.Event:
        """An occasion has come; the event is set when nothing more will be done about it soon.

        The reason is a word for the time line. An occasion that lasts already is no new one.
        """

    def end(self, on: LockOn) -> None:
        """It is over: the machine is awake, the screen is unlocked."""

    def guard(self, source: str, on: LockOn, state: GuardState, reason: str = "") -> None:
        """Tell whether `source` would notice such an occasion. One source is enough."""
