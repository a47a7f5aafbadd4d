"""A container as the runner is told to make it: a file of mode 0600 in the task's directory.

Everything in it has been checked, and all variables are filled in. What it takes to make a
bundle of it (where things are staged, which kernel this is) is found out in the runner.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from vaultui.tasks.request import BindRequest
from vaultui.wire.attributes import Rlimit

CONTAINER_FILE: Final = "container.json"
"""In the directory BUNDLE_DIR of a task: a ContainerSpec."""
CONFIG_FILE: Final = "config.json"
STATE_DIR: Final = "state"
PID_FILE: Final = "pid"
STAGE_DIR: Final = "stage"


class NamespaceKind(Enum):
    """As the OCI runtime specification calls them."""

    PID = "pid"
    NETWORK = "network"
    IPC = "ipc"
    UTS = "uts"
    CGROUP = "cgroup"


@dataclass(frozen=True)
class ContainerNamespace:
    kind: NamespaceKind
    path: str = ""
    """Of one that is there already, as /run/netns/NAME; empty for a new one."""


class Seccomp(Enum):
    DEFAULT = "default"
    CUSTOM = "custom"
    NONE = "none"


@dataclass(frozen=True)
class ContainerUser:
    uid: int = 0
    gid: int = 0
    groups: tuple[int, ...] = ()
    """The supplementary ones."""
    home: str = "/"


@dataclass(frozen=True)
class ContainerSpec:
    container_id: str
    bundle: str
    """Directory with what the runtime is given: BUNDLE_DIR of the task."""
    runtime: tuple[str, ...]
    """Absolute path of the OCI runtime, and options that it always gets."""
    rootfs: str
    vault_name: str
    vault: BindRequest
    """Where it is mounted by the time the container is made, and where it is to be found."""
    command: tuple[str, ...]
    env: dict[str, str]
    workdir: str
    """Created where it is missing."""
    user: ContainerUser = ContainerUser()
    terminal: bool = False
    binds: tuple[BindRequest, ...] = ()
    """In their order; the first for a target wins, the vault before all of them."""
    namespaces: tuple[ContainerNamespace, ...] = ()
    """Those that are not the host's; that of mounts is always its own."""
    hostname: str = ""
    extra_hosts: tuple[tuple[str, str], ...] = ()
    dns: tuple[str, ...] = ()
    """Empty for those of the host."""
    dns_search: tuple[str, ...] = ()
    rlimits: tuple[Rlimit, ...] = ()
    seccomp: Seccomp = Seccomp.DEFAULT
    seccomp_profile: str = ""
    """For CUSTOM: the JSON of the profile, as the runtime takes it."""

    def has_own(self, kind: NamespaceKind) -> bool:
        return any(namespace.kind is kind for namespace in self.namespaces)
