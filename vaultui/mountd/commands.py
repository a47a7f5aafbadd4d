"""What is done once and ends: create, check, tell about a volume. `keycommands` has the keys.

Each takes the Spec of the wire and returns its answer, for the command line and for the
front end alike. Nothing is printed here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from vaultui.cipherfs import keyfile
from vaultui.cipherfs import volume as volumes
from vaultui.cipherfs.slots import slots_of
from vaultui.format.volumeconf import VolumeConf
from vaultui.linux import memory
from vaultui.model.errors import VolumeConfNotWritten
from vaultui.model.language import N_
from vaultui.model.secret import Secret
from vaultui.mountd import keycommands, opening, places
from vaultui.mountd.claim import claim
from vaultui.wire.conflictcopy import ConflictCopy
from vaultui.wire.oneshot import (
    Checked,
    CheckMessage,
    CheckProgress,
    CheckSpec,
    Created,
    CreateSpec,
    Damage,
    InfoSpec,
    VolumeInfo,
)


def check_creatable(spec: CreateSpec) -> None:
    """Raise the error of a volume that could not be made there, or so, before it is tried."""
    volumes.check_creatable(
        spec.cipherdir,
        names=spec.names,
        reverse=spec.reverse,
        config_path=spec.config_path or None,
    )
    place = os.path.dirname(spec.config_path) if spec.config_path else spec.cipherdir
    if os.path.isdir(place) and not os.access(place, os.W_OK | os.X_OK):
        raise VolumeConfNotWritten(path=place, reason=N_("the directory can't be written"))
    volumes.check_logn(spec.scrypt_logn)
    if spec.key_file:
        keyfile.check(spec.key_file)


def create(
    spec: CreateSpec,
    password: Secret,
    master: Secret | None = None,
    *,
    fido2: Mapping[str, Any] | None = None,
) -> tuple[Created, Secret]:
    """Make a volume; return the answer and the master key, which the caller wipes.

    `master` is the key to wrap, instead of a new one; `fido2` is what a token needs to know
    that gave the password.
    """
    cost = keycommands.argon2id() if spec.argon2id else None
    key_file = opening.read_key_file(spec.key_file)
    began = time.monotonic()
    try:
        key = volumes.create(
            spec.cipherdir,
            password,
            spec.scrypt_logn,
            content=spec.content,
            names=spec.names,
            long_name_max=spec.long_name_max,
            reverse=spec.reverse,
            master=master,
            fido2=fido2,
            config_path=spec.config_path or None,
            argon2id=cost,
            key_file=key_file,
        )
    finally:
        if key_file is not None:
            key_file.wipe()
    return Created(spec.cipherdir, time.monotonic() - began), key


def info(spec: InfoSpec) -> VolumeInfo:
    """Tell what the volume config says; needs no password."""
    return describe(
        volumes.read_conf(spec.cipherdir, spec.config_path or None, reverse=spec.reverse)
    )


def describe(conf: VolumeConf) -> VolumeInfo:
    """Return a volume config as the wire has it."""
    cost = conf.scrypt
    slots = conf.key_slots.slots if conf.key_slots is not None else ()
    return VolumeInfo(
        creator=conf.creator,
        feature_flags=tuple(flag.value for flag in conf.features.flags),
        content=conf.features.content.value,
        names=conf.features.names.value,
        key_derivation=", ".join(dict.fromkeys(str(slot.cost) for slot in slots_of(conf))),
        encrypted_key_bytes=len(conf.encrypted_key),
        salt_bytes=len(cost.salt),
        scrypt_n=cost.n,
        scrypt_r=cost.r,
        scrypt_p=cost.p,
        scrypt_key_bytes=cost.key_bytes,
        long_name_max=conf.features.long_name_max,
        slots=tuple(keycommands.describe_slot(slot) for slot in slots),
    )


def check(
    spec: CheckSpec,
    secret: Secret,
    tell: Callable[[CheckMessage], None],
    cancelled: Callable[[], bool] = lambda: False,
    *,
    conf: VolumeConf | None = None,
) -> Checked:
    """Read the whole volume; `tell` gets what is found, and progress now and then.

    `secret` is the password or the master key, as the spec says; `conf` the config, where it
    was read already.
    """
    # Imported here: serving a mount does without it.
    from vaultui.cipherfs.check import check as check_volume

    cipherdir_fd = places.open_cipherdir(spec.cipherdir)
    try:
        claim(cipherdir_fd, spec.cipherdir, shared=True)
        volume = opening.open_volume(spec, conf or opening.read_conf(spec), secret)
        memory.give_back()
        summary = check_volume(
            cipherdir_fd,
            volume,
            lambda files, size, path: tell(CheckProgress(files, size, path)),
            lambda kind, *where: tell(Damage(kind.value, *where)),
            cancelled,
            lambda *paths: tell(ConflictCopy(*paths)),
        )
    finally:
        os.close(cipherdir_fd)
    return Checked(summary.files, summary.bytes, summary.corrupt, summary.skipped, summary.copies)
