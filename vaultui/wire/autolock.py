"""What locks a vault by itself, and how well it is in force now."""

from __future__ import annotations

from enum import Enum

from vaultui.model.records import record


class LockOn(Enum):
    """Occasions to lock that the desktop and the machine tell of."""

    SLEEP = "sleep"
    """The machine is about to suspend or hibernate."""
    SCREEN = "screen"
    """The screen is locked."""
    LOGOUT = "logout"
    """The user's last session ends, or the machine shuts down."""


class WhenBusy(Enum):
    """What happens on such an occasion while somebody uses the vault."""

    RETRY = "retry"
    """Try again as long as the occasion lasts, then say that it stayed open."""
    LAZY = "lazy"
    """Take it out of sight at once; whoever holds a file keeps it."""
    KILL = "kill"
    """End the processes that hold it, with KILL where TERM does not help."""
    LEAVE = "leave"
    """Leave it open, and say so."""


class GuardState(Enum):
    ACTIVE = "active"
    OFF = "off"
    """Nobody asked for it."""
    MISSING = "missing"
    """Asked for, and not there now: `Guard.reason` tells why. It is looked for again."""


@record(frozen=True)
class Guard:
    name: str
    """idle, sleep, screen, logout or notify."""
    state: GuardState
    reason: str = ""
