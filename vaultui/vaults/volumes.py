"""What is done to a volume by one-shot backend commands: keys stay in that kind of process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from vaultui.model.errors import NothingToCheck, TimedOut, VaultuiError
from vaultui.model.secret import Secret
from vaultui.supervisor.oneshot import run_oneshot
from vaultui.vaults import keyringclient
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.waiting import in_thread
from vaultui.wire.handshake import (
    Checked,
    CheckProgress,
    CheckSpec,
    Created,
    CreateSpec,
    Damage,
    InfoSpec,
    PasswdSpec,
    VolumeInfo,
)

KEYRING_TIMEOUT_S = 60.0
INFO_S = 15.0
"""For reading one small file, on a slow server too; one that hangs takes for ever."""


async def info(entry: VaultEntry) -> VolumeInfo:
    """Return what the volume config says; needs no password."""
    spec = InfoSpec(entry.cipherdir, entry.config_path, entry.reverse)
    try:
        result = await run_oneshot(spec, timeout=INFO_S)
    except TimedOut as error:
        what = f"Reading the volume config in {entry.cipherdir}"
        raise TimedOut(what=what, seconds=round(INFO_S)) from error
    assert isinstance(result.message, VolumeInfo)
    return result.message


async def create(entry: VaultEntry, password: Secret) -> Secret:
    """Make a volume, and its directory if need be; return its master key for the caller to wipe.

    The parent of the directory must be there: a folder must not stand in for a missing drive.
    """
    made = False
    # Whatever hinders making it hinders the backend too, which says it in our words.
    with suppress(OSError):
        await in_thread(os.mkdir, entry.cipherdir, 0o700)
        made = True
    try:
        result = await run_oneshot(CreateSpec(entry.cipherdir), [password])
    except BaseException:
        if made:
            with suppress(OSError):
                os.rmdir(entry.cipherdir)
        raise
    assert isinstance(result.message, Created)
    assert result.secret is not None
    return result.secret


async def check(
    entry: VaultEntry,
    password: Secret,
    on_message: Callable[[CheckProgress | Damage], None] | None,
) -> Checked:
    """Read the whole volume and return the counts; damage is reported as it is found.

    Raises NothingToCheck for an encrypted view, which has no ciphertext that could be damaged.
    """
    if entry.reverse:
        raise NothingToCheck(name=entry.name)

    def passed_on(message: object) -> None:
        if on_message is not None and isinstance(message, CheckProgress | Damage):
            on_message(message)

    spec = CheckSpec(entry.cipherdir, entry.config_path)
    result = await run_oneshot(spec, [password], passed_on)
    assert isinstance(result.message, Checked)
    return result.message


async def change_password(entry: VaultEntry, old: Secret, new: Secret) -> None:
    """Wrap the volume's master key with a new password."""
    spec = PasswdSpec(entry.cipherdir, entry.config_path, reverse=entry.reverse)
    await run_oneshot(spec, [old, new])


async def replace_saved(entry: VaultEntry, new: Secret) -> VaultuiError | None:
    """Replace a saved password after a change; return what prevented it, None when all is well.

    The change itself is done by then, and must not look as if it had failed.
    """
    if not keyringclient.session_bus():
        return None  # nothing was ever saved from here
    try:
        saved = await keyringclient.find(entry, KEYRING_TIMEOUT_S)
        if saved is not None:
            saved.wipe()
            await keyringclient.save(entry, new, KEYRING_TIMEOUT_S)
    except VaultuiError as error:
        return error
    return None
