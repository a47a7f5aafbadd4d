"""What is done to a volume by one-shot backend commands: keys stay in that kind of process."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from vaultui.model.errors import NothingToCheck, TimedOut
from vaultui.model.language import Phrase
from vaultui.model.secret import Secret
from vaultui.supervisor.oneshot import run_oneshot
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.flavour import Flavour
from vaultui.vaults.key import Key, with_key_file
from vaultui.vaults.waiting import in_thread
from vaultui.wire.oneshot import (
    Checked,
    CheckMessage,
    CheckSpec,
    Created,
    CreateSpec,
    InfoSpec,
    SlotOpened,
    SlotVerifySpec,
    VolumeInfo,
)

INFO_S = 15.0
"""For reading one small file, on a slow server too; one that hangs takes for ever."""


async def info(entry: VaultEntry) -> VolumeInfo:
    """Return what the volume config says; needs no password."""
    spec = InfoSpec(entry.cipherdir, entry.config_path, entry.reverse)
    try:
        result = await run_oneshot(spec, timeout=INFO_S)
    except TimedOut as error:
        what = Phrase("Reading the volume config in {path}", path=entry.cipherdir)
        raise TimedOut(what=what, seconds=round(INFO_S)) from error
    assert isinstance(result.message, VolumeInfo)
    return result.message


async def create(entry: VaultEntry, password: Secret, flavour: Flavour) -> tuple[Secret, float]:
    """Make a volume, and its directory if need be.

    Returns its master key, for the caller to wipe, and how long deriving took, in seconds.
    The parent of the directory must be there: a folder must not stand in for a missing drive.
    """
    made = False
    # Whatever hinders making it hinders the backend too, which says it in our words.
    with suppress(OSError):
        await in_thread(os.mkdir, entry.cipherdir, 0o700)
        made = True
    try:
        spec = CreateSpec(
            entry.cipherdir,
            content=flavour.content,
            names=flavour.names,
            argon2id=flavour.argon2id,
            key_file=entry.key_file,
        )
        result = await run_oneshot(spec, [password])
    except BaseException:
        if made:
            with suppress(OSError):
                os.rmdir(entry.cipherdir)
        raise
    assert isinstance(result.message, Created)
    assert result.secret is not None
    return result.secret, result.message.derivation_s


async def verify(entry: VaultEntry, key: Key) -> SlotOpened:
    """Return which of the volume's keys this is, and what deriving it took."""

    async def attempt(key_file: str) -> SlotOpened:
        spec = SlotVerifySpec(
            entry.cipherdir, entry.config_path, entry.reverse, key_file, key.fido2_device
        )
        outcome = await run_oneshot(spec, [key.secret])
        assert isinstance(outcome.message, SlotOpened)
        return outcome.message

    return await with_key_file(entry, key, attempt)


async def check(
    entry: VaultEntry,
    key: Key,
    on_message: Callable[[CheckMessage], None] | None,
) -> Checked:
    """Read the whole volume and return the counts; damage is reported as it is found.

    Raises NothingToCheck for an encrypted view, which has no ciphertext that could be damaged.
    """
    if entry.reverse:
        raise NothingToCheck(name=entry.name)

    def passed_on(message: object) -> None:
        if on_message is not None and isinstance(message, CheckMessage):
            on_message(message)

    async def attempt(key_file: str) -> Checked:
        spec = CheckSpec(
            entry.cipherdir,
            entry.config_path,
            key_file=key_file,
            fido2_device=key.fido2_device,
        )
        result = await run_oneshot(spec, [key.secret], passed_on)
        assert isinstance(result.message, Checked)
        return result.message

    return await with_key_file(entry, key, attempt)
