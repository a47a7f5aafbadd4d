"""Taking turns at one vault, across processes.

Whoever unlocks, locks or repairs a vault holds its turn, so two unlocks end in one mount.
The turn is an flock on a file beside the vault's run directory; the kernel gives it back
when its holder dies. The file says what the holder is doing, which others show as the
states in between. Nothing else is locked while a turn is waited for.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from vaultui.model.errors import TimedOut
from vaultui.model.ids import VaultId
from vaultui.model.language import N_
from vaultui.model.states import VaultState
from vaultui.vaults.paths import Paths

LONGEST_WAIT_S = 120.0
"""A slow key derivation takes seconds; after this time something is stuck."""

_LOOK_AGAIN_S = 0.05
"""No event tells that an flock is free, and waiting for it in a thread can't be cancelled."""


@asynccontextmanager
async def turn(
    paths: Paths, vault: VaultId, doing: VaultState, *, wait_s: float = LONGEST_WAIT_S
) -> AsyncIterator[None]:
    """Hold the turn at `vault`, shown to others as `doing`; raises TimedOut without it."""
    import asyncio

    fd = os.open(_file(paths, vault), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = asyncio.get_running_loop().time() + wait_s
        while not _try_lock(fd, fcntl.LOCK_EX):
            if asyncio.get_running_loop().time() >= deadline:
                what = N_("Waiting for another vaultui that works on this vault")
                raise TimedOut(what=what, seconds=round(wait_s))
            await asyncio.sleep(_LOOK_AGAIN_S)
        os.ftruncate(fd, 0)
        # Where there is no room left others are shown nothing, and locking works all the same.
        with suppress(OSError):
            os.pwrite(fd, doing.value.encode("ascii"), 0)
        yield
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def doing_now(paths: Paths, vault: VaultId) -> VaultState | None:
    """Return what the holder of the turn is doing, or None when nobody holds it."""
    try:
        fd = os.open(_file(paths, vault), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if _try_lock(fd, fcntl.LOCK_SH):
            return None
        word = os.pread(fd, 32, 0).decode("ascii", "replace")
    finally:
        os.close(fd)
    # Between taking the turn and writing the word there is nothing to show yet.
    return VaultState(word) if word in {state.value for state in VaultState} else None


def _file(paths: Paths, vault: VaultId) -> str:
    # Beside the run directory and not in it: that one comes and goes with the backend.
    return str(paths.runtime_dir / f"{vault}.turn")


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
