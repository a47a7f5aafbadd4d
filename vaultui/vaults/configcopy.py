"""A copy of a volume config: the file without which not even the right password opens a vault."""

from __future__ import annotations

import asyncio
import os
from typing import Final

from vaultui.linux.errnos import reason_of
from vaultui.model.errors import TimedOut, VolumeConfUnreadable
from vaultui.model.language import Phrase
from vaultui.vaults import volumecommands
from vaultui.vaults.discovery import CONF, REVERSE_CONF
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.newfile import new_file
from vaultui.vaults.paths import absolute
from vaultui.vaults.waiting import in_thread

_READ_S: Final = 15.0
_LARGEST: Final = 1 << 20
"""A config with as many keys as it can hold is a twentieth of that."""


async def export(entry: VaultEntry, path: str) -> str:
    """Copy the config of a vault to a new file, 0600, and return the file's path.

    It is read as a config first: a copy of a damaged one would be no help. What is there
    already is left alone. Raises FileNotMade, and what reading the config raises.
    """
    await volumecommands.info(entry)
    place = absolute(path)
    try:
        async with asyncio.timeout(_READ_S):
            await in_thread(_copy, config_of(entry), place)
    except TimeoutError as error:
        what = Phrase("Copying the volume config to {path}", path=place)
        raise TimedOut(what=what, seconds=round(_READ_S)) from error
    return place


def config_of(entry: VaultEntry) -> str:
    """Return where the config of a vault is."""
    name = REVERSE_CONF if entry.reverse else CONF
    return entry.config_path or os.path.join(entry.cipherdir, name)


def _copy(source: str, path: str) -> None:
    try:
        fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            data = os.read(fd, _LARGEST)
        finally:
            os.close(fd)
    except OSError as error:
        raise VolumeConfUnreadable(path=source, reason=reason_of(error)) from error
    with new_file(path) as file:
        file.write(memoryview(data))
        file.finish()
