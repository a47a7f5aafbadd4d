"""Gathering what a container is made of, where nobody but the container's root can get at it.

In a mount namespace of its own, so that all of it is gone with the last process in there: mounts
in mounts, too, and whatever was killed on the way. That process is the runtime while it creates
the container, which takes with it what it needs.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaultui.linux import mounting, mounttree
from vaultui.linux.mountinfo import mount_at
from vaultui.linux.mounting import MountFlag
from vaultui.model.errors import ContainerNotCreated, NotOpen
from vaultui.model.states import VaultState
from vaultui.tasks.containers import system
from vaultui.tasks.containers.files import hosts_of, resolv_conf_of
from vaultui.tasks.containers.mounts import HOSTS, RESOLV_CONF, StagedBind, mounts_of, of_host
from vaultui.tasks.containers.spec import STAGE_DIR, ContainerSpec
from vaultui.tasks.request import BindRequest


@dataclass(frozen=True)
class Stage:
    rootfs: str
    mounts: list[dict[str, Any]]
    """All that the runtime is to mount in there."""
    missing: tuple[str, ...]
    """Sources of binds that are not there; they are left out."""


def stage(spec: ContainerSpec, *, of_users: bool) -> Stage:
    """Gather everything in STAGE_DIR of the bundle; we are in a mount namespace of our own.

    Raises OSError, NotOpen, or ContainerNotCreated for a source that is there and can't be had.
    """
    directory = os.path.realpath(os.path.join(spec.bundle, STAGE_DIR))
    os.mkdir(directory, 0o700)
    # A slave hears of mounts of the host's that come and go, as a bind may be asked to, and
    # nothing goes back.
    mounting.set_propagation("/", MountFlag.SLAVE)
    mounting.mount_tmpfs(directory, 0o700, flags=MountFlag.NOSUID | MountFlag.NODEV)
    mounting.set_propagation(directory, MountFlag.PRIVATE)
    binds, missing = [_vault(spec, os.path.join(directory, "vault"))], []
    for number, bind in enumerate((*spec.binds, *of_host(spec, of_users=of_users))):
        try:
            binds.append(_staged(bind, os.path.join(directory, str(number))))
        except FileNotFoundError:
            missing.append(bind.source)
    mounts = mounts_of(spec, (*binds, *_files(spec, directory)), of_users=of_users)
    places = [(mount["destination"], _is_directory(mount)) for mount in mounts]
    rootfs = system.assemble(
        spec.rootfs, directory, (*places, (spec.workdir, True)), of_users=of_users
    )
    return Stage(rootfs, mounts, tuple(missing))


def _vault(spec: ContainerSpec, place: str) -> StagedBind:
    """Bind the vault itself: never the directory that it is mounted on when it is open.

    What a program writes there would be on a disk, in plain, and gone from sight later.
    """
    try:
        staged = _staged(spec.vault, place)
    except FileNotFoundError:
        staged = None
    mount = mount_at(place)
    # Looked at afterwards, so that it can't be locked in between.
    if staged is None or mount is None or mount.root != "/":
        raise NotOpen(name=spec.vault_name, state=VaultState.LOCKED.value)
    return staged


def _is_directory(mount: dict[str, Any]) -> bool:
    return mount["type"] != "bind" or os.path.isdir(mount["source"])


def _staged(bind: BindRequest, place: str) -> StagedBind:
    """Bind a source to `place`; raises FileNotFoundError, or ContainerNotCreated."""
    try:
        if stat.S_ISDIR(os.stat(bind.source).st_mode):
            os.mkdir(place)
        else:
            Path(place).touch()
        mounting.bind(bind.source, place)
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = f"{bind.source}: {os.strerror(error.errno or 0)}"
        raise ContainerNotCreated(maker="vaultui", reason=reason) from error
    if not bind.propagation:
        mounting.set_propagation(place, MountFlag.PRIVATE)
    if bind.read_only:
        # All of it: runtimes make only the topmost mount read-only.
        mounttree.set_read_only(place)
    return StagedBind(place, bind.target, bind.read_only, bind.propagation)


def _files(spec: ContainerSpec, directory: str) -> Iterator[StagedBind]:
    for target, text in ((HOSTS, hosts_of(spec)), (RESOLV_CONF, resolv_conf_of(spec))):
        file = Path(directory, os.path.basename(target))
        file.write_text(text, errors="surrogateescape")
        file.chmod(0o644)
        yield StagedBind(str(file), target)
