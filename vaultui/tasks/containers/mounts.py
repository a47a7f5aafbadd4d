"""What is mounted in a container, in the order in which its runtime does so.

Binds come first, in theirs, then our own files, then what every container has; the first for a
target wins. Mounts below others come after them.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from vaultui.tasks.containers.spec import ContainerSpec, NamespaceKind
from vaultui.tasks.request import BindRequest

HOSTS: Final = "/etc/hosts"
RESOLV_CONF: Final = "/etc/resolv.conf"

_HARMLESS: Final = ("nosuid", "noexec", "nodev")
_TTY_GROUP: Final = 5
"""Of terminals, in every distribution."""


@dataclass(frozen=True)
class StagedBind:
    """A bind whose source lies where nothing can be changed about it any more."""

    source: str
    target: str
    read_only: bool = False
    propagation: str = ""


def mounts_of(
    spec: ContainerSpec, binds: Iterable[StagedBind], *, of_users: bool
) -> list[dict[str, Any]]:
    """Return the mounts as the runtime specification has them.

    `of_users`: in a user namespace, where the kernel lets only those file systems be mounted whose
    namespace is the container's own, too.
    """
    taken: dict[str, dict[str, Any]] = {}
    for mount in (*map(_bound, binds), *_of_every_container(spec, of_users=of_users)):
        taken.setdefault(posixpath.normpath(mount["destination"]), mount)
    # Sorting is stable: those of one depth stay in their order.
    return sorted(taken.values(), key=lambda mount: mount["destination"].rstrip("/").count("/"))


def of_host(spec: ContainerSpec, *, of_users: bool) -> list[BindRequest]:
    """Return what the container has of the host's, because it can't have its own."""
    binds = []
    if not _may_mount_sys(spec, of_users=of_users):
        # With the control groups, which are mounted in it.
        binds.append(BindRequest("/sys", "/sys", read_only=True))
    if not spec.has_own(NamespaceKind.IPC):
        places = ("/dev/shm", "/dev/mqueue")  # noqa: S108 - as asked for
        binds += [BindRequest(place, place) for place in places if os.path.isdir(place)]
    return binds


def _bound(bind: StagedBind) -> dict[str, Any]:
    options = ("rbind", bind.propagation or "rprivate", "ro" if bind.read_only else "rw")
    return _mount(bind.target, "bind", bind.source, *options)


def _of_every_container(spec: ContainerSpec, *, of_users: bool) -> list[dict[str, Any]]:
    return [
        _mount("/proc", "proc", "proc", *_HARMLESS),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "noexec", "strictatime", "mode=755", "size=64k"),
        _terminals(of_users=of_users),
        *_between_processes(spec),
        *_system(spec, of_users=of_users),
    ]


def _terminals(*, of_users: bool) -> dict[str, Any]:
    # A group that is not in the map of the user namespace can't be named.
    group = () if of_users else (f"gid={_TTY_GROUP}",)
    options = ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", *group)
    return _mount("/dev/pts", "devpts", "devpts", *options)


def _between_processes(spec: ContainerSpec) -> list[dict[str, Any]]:
    """Shared memory and message queues, for processes of the container alone."""
    if not spec.has_own(NamespaceKind.IPC):
        return []
    return [
        _mount("/dev/shm", "tmpfs", "shm", *_HARMLESS, "mode=1777"),  # noqa: S108 - its own
        _mount("/dev/mqueue", "mqueue", "mqueue", *_HARMLESS),
    ]


def _system(spec: ContainerSpec, *, of_users: bool) -> list[dict[str, Any]]:
    system = []
    if _may_mount_sys(spec, of_users=of_users):
        system.append(_mount("/sys", "sysfs", "sysfs", *_HARMLESS, "ro"))
        if not of_users or spec.has_own(NamespaceKind.CGROUP):
            options = (*_HARMLESS, "relatime", "ro")
            system.append(_mount("/sys/fs/cgroup", "cgroup", "cgroup", *options))
    return system


def _may_mount_sys(spec: ContainerSpec, *, of_users: bool) -> bool:
    """It shows the network, so only who owns that may mount it."""
    return not of_users or spec.has_own(NamespaceKind.NETWORK)


def _mount(target: str, fstype: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "type": fstype, "source": source, "options": list(options)}
