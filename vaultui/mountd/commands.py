"""What is done once and ends: create, change the password, check, tell about a volume.

Each takes the Spec of the wire and returns its answer, for the command line and for the
front end alike. Nothing is printed here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from vaultui.cipherfs import volume as volumes
from vaultui.format.volumeconf import VolumeConf
from vaultui.linux import memory
from vaultui.model.secret import Secret
from vaultui.mountd import places
from vaultui.mountd.claim import claim
from vaultui.wire.handshake import (
    Checked,
    CheckProgress,
    CheckSpec,
    Created,
    CreateSpec,
    Damage,
    Done,
    InfoSpec,
    PasswdSpec,
    VolumeInfo,
)


def create(spec: CreateSpec, password: Secret) -> tuple[Created, Secret]:
    """Make a volume; return the answer and the master key, which the caller wipes."""
    began = time.monotonic()
    master = volumes.create(spec.cipherdir, password, spec.scrypt_logn)
    return Created(spec.cipherdir, time.monotonic() - began), master


def change_password(spec: PasswdSpec, old: Secret, new: Secret) -> Done:
    """Give the volume another password. Exempt from the claim: its content stays as it is."""
    volumes.change_password(
        spec.cipherdir, old, new, spec.scrypt_logn or None, spec.config_path or None
    )
    return Done()


def info(spec: InfoSpec) -> VolumeInfo:
    """Tell what the volume config says; needs no password."""
    return describe(volumes.read_conf(spec.cipherdir, spec.config_path or None))


def describe(conf: VolumeConf) -> VolumeInfo:
    """Return a volume config as the wire has it."""
    cost = conf.scrypt
    return VolumeInfo(
        creator=conf.creator,
        feature_flags=tuple(flag.value for flag in conf.features.flags),
        content=conf.features.content.value,
        names=conf.features.names.value,
        key_derivation=f"scrypt N={cost.n} r={cost.r} p={cost.p}",
        encrypted_key_bytes=len(conf.encrypted_key),
        salt_bytes=len(cost.salt),
        scrypt_n=cost.n,
        scrypt_r=cost.r,
        scrypt_p=cost.p,
        scrypt_key_bytes=cost.key_bytes,
        long_name_max=conf.features.long_name_max,
    )


def check(
    spec: CheckSpec,
    password: Secret,
    tell: Callable[[CheckProgress | Damage], None],
    cancelled: Callable[[], bool] = lambda: False,
) -> Checked:
    """Read the whole volume; `tell` gets each damage, and progress now and then."""
    # Imported here: serving a mount does without it.
    from vaultui.cipherfs.check import check as check_volume

    cipherdir_fd = places.open_cipherdir(spec.cipherdir)
    try:
        claim(cipherdir_fd, spec.cipherdir, shared=True)
        volume = volumes.open_volume(spec.cipherdir, password, spec.config_path or None)
        memory.give_back()
        summary = check_volume(
            cipherdir_fd,
            volume,
            lambda files, size, path: tell(CheckProgress(files, size, path)),
            lambda kind, *where: tell(Damage(kind.value, *where)),
            cancelled,
        )
    finally:
        os.close(cipherdir_fd)
    return Checked(summary.files, summary.bytes, summary.corrupt, summary.skipped)
