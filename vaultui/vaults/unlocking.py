"""Opening one vault: what has to be right before, the backend, the guard of the mount point."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from vaultui.linux.errnos import reason_of
from vaultui.linux.mountinfo import mount_at
from vaultui.model.errors import (
    BackendUnreachable,
    CipherdirInUse,
    CipherdirMissing,
    CipherdirNotAccessible,
    MountpointBusy,
    MountpointMissing,
    MountpointNotAccessible,
    MountpointNotEmpty,
    MountpointOverlap,
)
from vaultui.model.language import N_, Phrase, _
from vaultui.model.states import VaultState
from vaultui.supervisor.launch import launch_backend
from vaultui.vaults.entry import VaultEntry
from vaultui.vaults.key import Key, with_key_file
from vaultui.vaults.mountguard import MountGuard
from vaultui.vaults.outcomes import UnlockOptions
from vaultui.vaults.paths import Paths
from vaultui.vaults.privateuse import refuse_beside_private
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.waiting import in_thread
from vaultui.wire.handshake import MountSpec, Step, StepName

StepReport = Callable[[StepName, str], None]
"""Called with each step of an unlock and with the words that show it to a person."""

_STEP_WORDS = {
    StepName.TOUCHING: N_("Touch the token…"),
    StepName.DERIVING: N_("Deriving key…"),
    StepName.MOUNTING: N_("Mounting…"),
    StepName.READING: N_("Reading…"),
    StepName.WRITING: N_("Writing…"),
}

_NAMES_SHOWN = 3


def check_openable(status: VaultStatus) -> None:
    """Raise what stands in the way of unlocking a vault that is not open."""
    entry = status.entry
    if status.state is VaultState.HUNG:
        raise BackendUnreachable(name=entry.name, reason=N_("its mount hangs"))
    if status.backend_pid is not None:
        holder = Phrase(
            "its own backend {pid}, for programs that hold files of it",
            pid=status.backend_pid,
        )
        raise CipherdirInUse(path=entry.cipherdir, holder=holder)
    if status.state is VaultState.MISSING:
        # By what was found out, and not by another look, which may hang.
        missing = CipherdirMissing(path=entry.cipherdir)
        if status.explanation in ("", missing.phrase):
            raise missing
        told = f"The cipher directory {entry.cipherdir} "
        reason = status.explanation.replace(told, "it ", 1).rstrip(".")
        raise CipherdirNotAccessible(path=entry.cipherdir, reason=reason)


async def open_vault(
    paths: Paths,
    guard: MountGuard,
    entry: VaultEntry,
    key: Key,
    options: UnlockOptions,
    on_step: StepReport | None,
    language: str,
) -> None:
    """Start the backend of a vault and return when it is mounted. The caller holds its turn.

    `language` is a code, for what the backend tells on the desktop.
    """
    effective = as_opened(entry, options)
    await in_thread(refuse_beside_private, paths, entry, read_only=effective.opens_read_only)
    mountpoint = await in_thread(
        prepare_mountpoint, effective, paths.vaults_dir, nonempty=options.nonempty
    )
    spec = mount_spec(effective, mountpoint, key, options, language)
    spec = replace(
        spec,
        ctlsock=str(paths.socket(entry.id)),
        closes_at=_closes_at(entry, options),
        **(vars(entry.hooks) if options.hooks else {}),
    )

    async def launch(key_file: str) -> None:
        await launch_backend(
            replace(spec, key_file=key_file),
            key.secret,
            run_dir=paths.run_dir(entry.id),
            log_path=paths.log_file(entry.id),
            on_step=telling(on_step),
        )

    # A mount point that was named for this one time is not ours to change for good.
    usual = effective.mountpoint == entry.mountpoint
    with guard.writable(entry.mountpoint) if usual else nullcontext():
        await with_key_file(entry, key, launch)


def _closes_at(entry: VaultEntry, options: UnlockOptions) -> float:
    """Return when a vault that is opened now is locked, whoever uses it then; 0 for never."""
    if options.closes_at is not None:
        return options.closes_at
    return time.time() + entry.open_for_s if entry.open_for_s else 0.0


def telling(on_step: StepReport | None) -> Callable[[Step], None]:
    """Return what takes the steps of a backend, and reports them with their words."""

    def step(taken: Step) -> None:
        if on_step is not None:
            on_step(taken.name, _(_STEP_WORDS[taken.name]))

    return step


def as_opened(entry: VaultEntry, options: UnlockOptions) -> VaultEntry:
    """Return a vault as it is to be this one time."""
    return replace(
        entry,
        mountpoint=options.mountpoint or entry.mountpoint,
        read_only=entry.opens_read_only if options.read_only is None else options.read_only,
        idle_timeout_s=(
            entry.idle_timeout_s if options.idle_timeout_s is None else options.idle_timeout_s
        ),
    )


def mount_spec(
    entry: VaultEntry, mountpoint: str, key: Key, options: UnlockOptions, language: str
) -> MountSpec:
    """Return what the backend of a vault is told, but for its control socket and its key file."""
    return MountSpec(
        vault_id=entry.id,
        vault_name=entry.name,
        cipherdir=entry.cipherdir,
        mountpoint=mountpoint,
        ctlsock="",
        config_path=entry.config_path,
        read_only=entry.opens_read_only,
        idle_timeout_s=entry.idle_timeout_s,
        fsname=entry.cipherdir,
        nonempty=options.nonempty,
        conflict_copies=True,
        reverse=entry.reverse,
        fido2_device=key.fido2_device,
        password_source=options.password_source.value,
        hold=options.hold,
        language=language,
        **vars(entry.options),
        **vars(entry.autolock),
    )


def prepare_mountpoint(entry: VaultEntry, vaults_dir: Path, *, nonempty: bool = False) -> str:
    """Return the mount point, where it can be used; a default one is made on demand.

    Where it is a symbolic link its target is returned: that is what the mount table will list,
    and everybody who looks for the mount there goes by the table.

    The backend looks again for itself. Here it is about the words, and about failing before
    a key is derived.
    """
    mountpoint = Path(entry.mountpoint)
    mount = mount_at(mountpoint)
    if mount is not None:
        raise MountpointBusy(path=entry.mountpoint, fstype=mount.fstype)
    check_overlap(entry.cipherdir, entry.mountpoint)
    try:
        if vaults_dir in mountpoint.parents:
            # Others may pass through, as they must for a vault that is opened for them, and
            # see no names.
            vaults_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
            mountpoint.mkdir(mode=0o700, parents=True, exist_ok=True)
        elif not mountpoint.is_dir():
            raise MountpointMissing(path=entry.mountpoint)
        names = sorted(os.listdir(mountpoint))
    except (FileExistsError, NotADirectoryError) as error:
        raise MountpointMissing(path=entry.mountpoint) from error
    except OSError as error:
        reason = reason_of(error)
        raise MountpointNotAccessible(path=entry.mountpoint, reason=reason) from error
    if names and not nonempty:
        first = ", ".join(names[:_NAMES_SHOWN]) + (", …" if len(names) > _NAMES_SHOWN else "")
        raise MountpointNotEmpty(path=entry.mountpoint, first=first)
    if not mountpoint.is_symlink():
        return entry.mountpoint
    target = os.path.realpath(mountpoint)
    if (mount := mount_at(target)) is not None:
        raise MountpointBusy(path=target, fstype=mount.fstype)
    return target


def check_overlap(cipherdir: str, mountpoint: str) -> None:
    """Raise MountpointOverlap where the mount would hide its own ciphertext, or lie inside it.

    A mount point above the cipher directory hides it as well.
    """
    inner, outer = Path(os.path.realpath(cipherdir)), Path(os.path.realpath(mountpoint))
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise MountpointOverlap(path=mountpoint, cipherdir=cipherdir)
