"""What is mounted in a container, in the order in which its runtime does so.

Binds come first, in theirs, then our own files, then what every container has; the first for a
target wins. Mounts below others come after them.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from vaultui.tasks.container import ContainerSpec, NamespaceKind

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
    """Shared memory and message queues: those of the host, where it talks to the host."""
    if spec.has_own(NamespaceKind.IPC):
        return [
            _mount("/dev/shm", "tmpfs", "shm", *_HARMLESS, "mode=1777"),  # noqa: S108 - its own
            _mount("/dev/mqueue", "mqueue", "mqueue", *_HARMLESS),
        ]
    return [
        _mount(path, "bind", path, "rbind", "rprivate", *_HARMLESS)
        for path in ("/dev/shm", "/dev/mqueue")  # noqa: S108 - the host's, as asked for
    ]


def _system(spec: ContainerSpec, *, of_users: bool) -> list[dict[str, Any]]:
    if of_users and not spec.has_own(NamespaceKind.NETWORK):
        # /sys shows the network, so only who owns that may mount it; a bind has its control
        # groups with it.
        return [_mount("/sys", "bind", "/sys", "rbind", "rslave", *_HARMLESS, "ro")]
    system = [_mount("/sys", "sysfs", "sysfs", *_HARMLESS, "ro")]
    if not of_users or spec.has_own(NamespaceKind.CGROUP):
        system.append(_mount("/sys/fs/cgroup", "cgroup", "cgroup", *_HARMLESS, "relatime", "ro"))
    return system


def _mount(target: str, fstype: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": target, "type": fstype, "source": source, "options": list(options)}
