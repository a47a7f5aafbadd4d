"""How a vault gets into the registry: its name, its places, its id."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from vaultui.linux.errnos import reason_of
from vaultui.linux.mountinfo import mount_at
from vaultui.model.errors import MountpointMissing, MountpointNotAccessible, TimedOut
from vaultui.model.ids import VaultId
from vaultui.model.language import Phrase
from vaultui.vaults.discovery import is_reverse, name_for
from vaultui.vaults.entry import VaultEntry, check_name, check_unique
from vaultui.vaults.paths import Paths, absolute
from vaultui.vaults.settingsfile import ProgramSettings
from vaultui.vaults.unlocking import check_overlap
from vaultui.vaults.waiting import in_thread

LOOK_S: Final = 5.0
"""For following a few links; a drive that has to spin up first takes less."""


async def look_and_make_entry(
    paths: Paths, known: Sequence[VaultEntry], cipherdir: str, **wishes: Any
) -> VaultEntry:
    """Return `new_entry` of the same arguments, made beside the event loop.

    Raises TimedOut too: links in both places are followed, and one may lead to a drive or a
    server that does not answer.
    """
    try:
        async with asyncio.timeout(LOOK_S):
            return await in_thread(new_entry, paths, known, cipherdir, **wishes)
    except TimeoutError as error:
        what = Phrase("Looking at {cipherdir} and its mount point", cipherdir=cipherdir)
        raise TimedOut(what=what, seconds=round(LOOK_S)) from error


def new_entry(
    paths: Paths,
    known: Sequence[VaultEntry],
    cipherdir: str,
    *,
    name: str | None = None,
    mountpoint: str | None = None,
    idle_timeout_s: float | None = None,
    read_only: bool = False,
    config_path: str = "",
    reverse: bool = False,
    key_file: str = "",
    program: ProgramSettings | None = None,
) -> VaultEntry:
    """Return an entry that could be registered; nothing is written.

    What is left open is as the settings of the program have it, or as they are by default.

    A plain directory with the config of an encrypted view is recognised without `reverse`.
    Raises VaultNameInvalid, VaultExists or MountpointOverlap.
    """
    place = absolute(cipherdir)
    chosen = name_for(place, (entry.name for entry in known)) if name is None else name
    check_name(chosen)
    program = program or ProgramSettings(vaults_dir=str(paths.vaults_dir))
    entry = VaultEntry(
        id=VaultId(secrets.token_hex(8)),
        name=chosen,
        cipherdir=place,
        mountpoint=absolute(mountpoint or str(Path(program.vaults_dir, chosen))),
        idle_timeout_s=program.idle_timeout_s if idle_timeout_s is None else idle_timeout_s,
        autolock=program.autolock,
        open_for_s=program.open_for_s,
        read_only=read_only,
        config_path=absolute(config_path) if config_path else "",
        reverse=reverse or (not config_path and is_reverse(place)),
        key_file=absolute(key_file) if key_file else "",
    )
    check_unique(entry, known)
    check_overlap(entry.cipherdir, entry.mountpoint)
    return entry


def make_mountpoint(entry: VaultEntry, vaults_dir: Path) -> None:
    """Make a mount point that was named by hand; a default one is made at the first unlock.

    Its parent must be there: a missing drive would otherwise be replaced by a folder.
    """
    mountpoint = Path(entry.mountpoint)
    if vaults_dir in mountpoint.parents or mount_at(mountpoint) is not None:
        return
    try:
        mountpoint.mkdir(mode=0o700, exist_ok=True)
    except (FileExistsError, FileNotFoundError, NotADirectoryError) as error:
        raise MountpointMissing(path=entry.mountpoint) from error
    except OSError as error:
        reason = reason_of(error)
        raise MountpointNotAccessible(path=entry.mountpoint, reason=reason) from error
