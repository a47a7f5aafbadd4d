"""Who holds a mount, as part of a sentence."""

from __future__ import annotations

import functools
import os
from typing import Final

from vaultui.linux.holders import Holder
from vaultui.model.errors import MountBusy
from vaultui.model.language import N_, Phrase

_KINDS: Final = {
    "cwd": N_("working directory"),
    "root": N_("root directory"),
    "exe": N_("running program"),
    "open": N_("open file"),
    "map": N_("mapped file"),
    "task": N_("task"),
}


def in_words(holders: list[Holder], most: int = 3) -> Phrase:
    """Return who holds a mount, for a sentence."""
    own = os.getpid()
    named = {holder.pid: holder for holder in holders if holder.pid != own}
    if not named:
        return Phrase("a process that we may not look into")
    words = [
        Phrase(
            "{command} ({pid}, {kind})",
            command=holder.command,
            pid=holder.pid,
            kind=Phrase(_KINDS[holder.kind]),
        )
        for holder in named.values()
    ]
    if len(words) > most:
        words = [*words[:most], Phrase("{count} more", count=len(words) - most)]
    return functools.reduce(
        lambda first, rest: Phrase("{first}, {rest}", first=first, rest=rest), words
    )


def holders_in(busy: MountBusy) -> str:
    """Return who holds the mount, of an error that `Locker.lock` raised."""
    holders = busy.details["holders"]
    assert isinstance(holders, str)
    return holders
