"""What a person at the desktop is told about an open vault."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from vaultui.model.errors import HookFailed
from vaultui.model.language import N_, _, ngettext
from vaultui.mountd.desktop.notice import Action, Notice, Noticeboard

DAMAGE_PAUSE_S: Final = 600.0
"""A program that reads a damaged tree would else bring a message for each block."""
KEEP_OPEN_S: Final = 900.0

_IDLE, _TIME, _LOCK, _DAMAGE, _HOOK = "idle", "time", "lock", "damage", "hook"

_STAYED_OPEN: Final = {
    "sleep": N_("{name} stayed open while the machine slept."),
    "screen": N_("{name} stayed open while the screen was locked."),
    "logout": N_("{name} stayed open at the end of your session."),
    "shutdown": N_("{name} stayed open before the shutdown."),
}
_COULD_NOT: Final = N_("{name} could not be locked.")


class Notices:
    """The sentences. Shown nowhere until there is a noticeboard."""

    def __init__(
        self,
        name: str,
        *,
        keep_open: Callable[[], None],
        lock: Callable[[], None],
        lock_when_free: Callable[[], None],
        close_later: Callable[[], None],
    ) -> None:
        """`name` is the vault's; the others are what the buttons do."""
        self.board: Noticeboard | None = None
        self._name = name
        self._keep_open = keep_open
        self._lock = lock
        self._lock_when_free = lock_when_free
        self._close_later = close_later
        self._damage_told: float | None = None

    def idle_warning(self, left_s: float) -> None:
        """The idle lock is near."""
        self._show(
            _IDLE,
            _("{name} locks in {time}.", name=self._name, time=_duration(left_s)),
            _("Nobody has used it for a while."),
            (
                Action(_("Keep open {time}", time=_duration(KEEP_OPEN_S)), self._keep_open),
                Action(_("Lock now"), self._lock),
            ),
        )

    def idle_over(self) -> None:
        """The vault was used, or put off, after a warning."""
        self._withdraw(_IDLE)

    def time_warning(self, left_s: float) -> None:
        """The time at which it is locked is near."""
        self._show(
            _TIME,
            _("{name} locks in {time}.", name=self._name, time=_duration(left_s)),
            _("Its time is over then, and programs that still use it are ended."),
            (
                Action(_("{time} more", time=_duration(KEEP_OPEN_S)), self._close_later),
                Action(_("Lock now"), self._lock),
            ),
            urgent=True,
        )

    def time_over(self) -> None:
        """It has another time now, or none."""
        self._withdraw(_TIME)

    def hook_failed(self, error: HookFailed) -> None:
        """A command of its owner failed, when nobody was there to be told."""
        reason = error.details["reason"]
        assert isinstance(reason, str)
        self._show(_HOOK, _("A hook of {name} failed.", name=self._name), _(reason))

    def stays_open(self, reason: str, holders: str) -> None:
        """It was to be locked, for a reason as the time line has it, and somebody uses it."""
        self._show(
            _LOCK,
            _(_STAYED_OPEN.get(reason, _COULD_NOT), name=self._name),
            _("It is in use by {holders}.", holders=holders),
            (
                Action(_("Try again"), self._lock),
                Action(_("Lock when free"), self._lock_when_free),
            ),
            # Keys were in the memory of a machine that slept. Who comes back to a locked screen
            # each day with an editor open is not to click a message away each time.
            urgent=reason == "sleep",
        )

    def waits(self) -> None:
        """It is locked as soon as nobody uses it."""
        self._withdraw(_LOCK)

    def locked(self, reason: str, *, waited: bool) -> None:
        """It is locked: told where nobody was there to see it, and where somebody waited for it."""
        self._withdraw(_IDLE)
        self._withdraw(_TIME)
        if reason == "sleep":
            self._show(_LOCK, _("{name} was locked before the machine slept.", name=self._name))
        elif waited:
            self._show(_LOCK, _("{name} is locked now: nobody uses it any more.", name=self._name))
        else:
            self._withdraw(_LOCK)

    def damaged(self) -> None:
        """A file could not be read. Which one is told by the application only."""
        now = time.monotonic()
        if self._damage_told is None or now - self._damage_told > DAMAGE_PAUSE_S:
            self._damage_told = now
            self._show(
                _DAMAGE,
                _("A file in {name} is damaged.", name=self._name),
                _("What is damaged reads as an error. Activity in vaultui tells which file it is."),
            )

    async def flush(self) -> None:
        """Wait until all of it is shown; a moment at most."""
        if self.board is not None:
            await self.board.flush()

    def _show(
        self,
        topic: str,
        summary: str,
        body: str = "",
        actions: Sequence[Action] = (),
        *,
        urgent: bool = False,
    ) -> None:
        if self.board is not None:
            self.board.show(topic, Notice(summary, body, actions, urgent))

    def _withdraw(self, topic: str) -> None:
        if self.board is not None:
            self.board.withdraw(topic)


def _duration(seconds: float) -> str:
    """Return a time in words, in minutes where it is at least one."""
    whole = max(1, round(seconds))
    if whole < 60:
        return ngettext("{count} second", "{count} seconds", whole)
    return ngettext("{count} minute", "{count} minutes", round(whole / 60))
