"""The drill: what one would do in an emergency, done for real while there is none.

A recovery key is worth what was tried. Here the vault is opened with nothing but it, read-only
and at a place of its own, some of what is in it is read, and it is locked again.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import MountBusy
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.model.states import VaultState
from vaultui.vaults.key import Key
from vaultui.vaults.outcomes import LockMode, PasswordSource, UnlockOptions
from vaultui.vaults.waiting import in_thread
from vaultui.wire.oneshot import SlotOpened

if TYPE_CHECKING:
    from vaultui.vaults.service import Vaults

_READ_S: Final = 30.0
_MOST_FILES: Final = 20
_MOST_BYTES: Final = 1 << 20
"""Of each file. It is a sample; reading everything is what a check does."""


class DrillStep(Enum):
    VERIFYING = "verifying"
    OPENING = "opening"
    READING = "reading"
    LOCKING = "locking"


@dataclass(frozen=True)
class Drilled:
    opened: SlotOpened
    """Which key it was."""
    rehearsed: bool
    """False where the vault was open already, so that the key was proven and nothing opened."""
    files: int = 0
    """How many of its files were opened and read from, at most 20."""
    bytes: int = 0
    problem: str = ""
    """Why a file could not be read; the key is right all the same."""


async def drill(
    vaults: Vaults, name: str, recovery_key: Secret, tell: Callable[[DrillStep], None]
) -> Drilled:
    """Rehearse opening a vault by a recovery key alone; the caller wipes it.

    Raises as `Keys.verify_recovery` and `Vaults.unlock`. Nothing is left open.
    """
    tell(DrillStep.VERIFYING)
    opened = await vaults.keys.verify_recovery(name, recovery_key)
    if (await vaults.status(name)).state is not VaultState.LOCKED:
        return Drilled(opened, rehearsed=False)
    vaults.paths.ensure_runtime_dir()
    place = tempfile.mkdtemp(prefix="drill-", dir=vaults.paths.runtime_dir)
    try:
        tell(DrillStep.OPENING)
        options = UnlockOptions(
            read_only=True,
            mountpoint=place,
            password_source=PasswordSource.TYPED,
            hooks=False,
            closes_at=0.0,
        )
        key = Key(recovery_key, key_file="")
        if (await vaults.unlock(name, key, options=options)).already:
            return Drilled(opened, rehearsed=False)  # somebody was faster; it is theirs
        try:
            tell(DrillStep.READING)
            files, size, problem = await _sample(place)
        finally:
            tell(DrillStep.LOCKING)
            await _lock(vaults, name)
    finally:
        with suppress(OSError):
            os.rmdir(place)
    return Drilled(opened, True, files, size, problem)


async def _sample(place: str) -> tuple[int, int, str]:
    try:
        async with asyncio.timeout(_READ_S):
            return await in_thread(_read_some, place)
    except TimeoutError:
        return 0, 0, Phrase("reading took longer than {seconds} seconds", seconds=round(_READ_S))
    except OSError as error:
        return 0, 0, reason_of(error)


def _read_some(place: str) -> tuple[int, int, str]:
    """Return how many files and bytes were read, and what hindered that."""
    files = size = 0
    for directory, _, names in os.walk(place):
        for name in names:
            path = Path(directory, name)
            if path.is_symlink() or not path.is_file():
                continue
            with path.open("rb", buffering=0) as file:
                size += len(file.read(_MOST_BYTES))
            files += 1
            if files == _MOST_FILES:
                return files, size, ""
    return files, size, ""


async def _lock(vaults: Vaults, name: str) -> None:
    try:
        await vaults.lock(name)
    except MountBusy:
        # Something that looks into every new mount, an indexer perhaps: it keeps nothing else.
        await vaults.lock(name, LockMode.LAZY)
