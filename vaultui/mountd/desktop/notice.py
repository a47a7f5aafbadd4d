"""A short message to the person at the desktop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from vaultui.model.records import record


@record(frozen=True)
class Action:
    """A button in it."""

    label: str
    do: Callable[[], None]


@record(frozen=True)
class Notice:
    summary: str
    body: str = ""
    actions: Sequence[Action] = ()
    urgent: bool = False
    """It stays until somebody has seen it."""


class Noticeboard(Protocol):
    """Where messages are shown, one for each topic."""

    def show(self, topic: str, notice: Notice) -> None:
        """Show it, in the place of what is shown on that topic."""

    def withdraw(self, topic: str) -> None:
        """Take away what is shown on that topic, if anything."""

    async def flush(self) -> None:
        """Wait until all that was asked for has been shown and taken away; a moment at most."""
