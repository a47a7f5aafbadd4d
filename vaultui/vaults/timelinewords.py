"""The moments of a time line in words, for whoever shows one."""

from __future__ import annotations

import re
from typing import Final

from vaultui.model.language import N_, _
from vaultui.model.values import span
from vaultui.vaults.timeline import Moment
from vaultui.wire.control import EventKind

_FAILED: Final = N_("could not unlock")
_ENDED: Final = N_("backend ended")
_EVENTS: Final = {
    EventKind.UNLOCKED: N_("unlocked"),
    EventKind.LOCKED: N_("locked"),
    EventKind.LOCK_BUSY: N_("could not lock"),
    EventKind.WAITING_TO_LOCK: N_("locks when nobody uses it"),
    EventKind.STAYS_OPEN: N_("stays open"),
    EventKind.HOLDERS_ENDED: N_("ended who used it"),
    EventKind.IDLE_WARNING: N_("idle lock is near"),
    EventKind.IDLE_RESET: N_("used again"),
    EventKind.EXTENDED: N_("idle lock put off"),
    EventKind.PAUSED: N_("idle lock paused"),
    EventKind.RESUMED: N_("idle lock resumed"),
    EventKind.CORRUPT_CONTENT: N_("damaged content"),
    EventKind.CORRUPT_NAME: N_("damaged name"),
    EventKind.CORRUPT_METADATA: N_("damaged metadata"),
    EventKind.INTERNAL_ERROR: N_("internal error"),
    EventKind.STORAGE_FULL: N_("storage is full"),
    EventKind.GUARD_MISSING: N_("auto-lock is missing"),
    EventKind.GUARD_ACTIVE: N_("auto-lock is in force"),
    EventKind.HOLD_BEGAN: N_("task began"),
    EventKind.HOLD_ENDED: N_("task ended"),
    EventKind.TIME_WARNING: N_("its time is nearly over"),
    EventKind.HOOK_FAILED: N_("a hook failed"),
}
_DETAILS: Final = {
    (EventKind.UNLOCKED, "typed"): N_("with a typed password"),
    (EventKind.UNLOCKED, "keyring"): N_("with the password of the keyring"),
    (EventKind.UNLOCKED, "file"): N_("with a password file"),
    (EventKind.UNLOCKED, "descriptor"): N_("with a password from a program"),
    (EventKind.UNLOCKED, "command"): N_("with a password from a command"),
    (EventKind.UNLOCKED, "key file"): N_("with a key file"),
    (EventKind.UNLOCKED, "FIDO2 token"): N_("with a FIDO2 token"),
    (EventKind.LOCKED, "request"): N_("because somebody asked for it"),
    (EventKind.LOCKED, "idle"): N_("because nobody used it"),
    (EventKind.LOCKED, "panic"): N_("in a panic"),
    (EventKind.LOCKED, "sleep"): N_("before the machine slept"),
    (EventKind.LOCKED, "screen"): N_("with the screen"),
    (EventKind.LOCKED, "logout"): N_("at logout"),
    (EventKind.LOCKED, "time"): N_("because its time was over"),
    (EventKind.LOCKED, "task"): N_("after the last task"),
    (EventKind.LOCKED, "unmounted"): N_("because it was unmounted"),
}
"""Words for the details that backends give in one word; others are shown as they are."""

_SECONDS: Final = re.compile(r"(\d+) s")


def moment_in_words(moment: Moment) -> str:
    """Return in a few words what happened."""
    if moment.kind is not None:
        return _(_EVENTS[moment.kind])
    return _(_ENDED if moment.ended else _FAILED)


def detail_in_words(moment: Moment) -> str:
    """Return what a backend told of a moment: in words where they are known, a time as one."""
    if seconds := _SECONDS.fullmatch(moment.detail):
        return span(float(seconds[1]))
    known = _DETAILS.get((moment.kind, moment.detail)) if moment.kind is not None else None
    return _(known or moment.detail)
