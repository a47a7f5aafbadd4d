"""What somebody asks for who wants something run against a vault: a command, and what around it.

The same for a command typed in a shell, one from a form, and one that is saved in the settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from vaultui.wire.attributes import Rlimit
from vaultui.wire.tasks import Driver, Limits


@dataclass(frozen=True)
class BindRequest:
    """A directory or file that a task finds at another place, too."""

    source: str
    """An absolute path."""
    target: str
    """An absolute path, as the task sees it."""
    read_only: bool = False
    propagation: str = ""
    """As in mount_namespaces(7), "rslave" for one; empty for none."""


@dataclass(frozen=True)
class Surroundings:
    """What is around a task that does not simply run on the system as it is.

    No driver knows all of it: `KNOWN` says which knows what.
    """

    user: str = ""
    """Whom it runs as: "uid", "uid:gid" or names; empty for who the driver takes."""
    rootfs: str = ""
    """Directory with the system that it sees; empty for the one that we run on."""
    image: str = ""
    """Name of the image with its system."""
    at: str = ""
    """Where it finds the vault; empty for where the driver puts it."""
    network: str = ""
    """"none", "host", or what the engine has beside those; empty for what the driver takes."""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    add_hosts: tuple[str, ...] = ()
    """Each "name:address"."""
    publish: tuple[str, ...] = ()
    """Each "[[address:]port:]port[/protocol]", with the one in the container last."""
    labels: Mapping[str, str] = field(default_factory=dict)
    hostname: str = ""
    binds: tuple[BindRequest, ...] = ()
    """In their order; the first for a target wins."""
    namespaces: tuple[str, ...] = ()
    """Each "kind=private", "kind=host" or "kind=path"; the last for a kind counts."""
    seccomp: str = ""
    """"default", "none", or the path of a profile; empty is the default one."""
    privileged: bool = False
    runtime: str = ""
    """Name or path of the OCI runtime; empty for the first that is found."""


@dataclass(frozen=True)
class TaskRequest:
    command: tuple[str, ...]
    """Program and arguments; variables as ${VAULT_MOUNT} are filled in later."""
    driver: Driver = Driver.COMMAND
    private: bool = False
    """A locked vault is opened for this task alone, and nobody else sees its files."""
    read_only: bool = False
    """A locked vault is opened without the right to write."""
    env: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()  # noqa: RUF009 - it is frozen
    rlimits: tuple[Rlimit, ...] = ()
    """Of each of its processes, in the place of those that we have."""
    workdir: str = ""
    """Empty for the vault itself."""
    around: Surroundings = Surroundings()
    interactive: bool = False
    """It has a standard input."""
    terminal: bool = False
    """It has a terminal; what it writes there is not kept."""
    title: str = ""
    """Empty for the name of its program."""
    saved: str = ""
    """The name that it is saved under; empty for one that is not."""
    grace_s: float = 10.0
    """What it gets to end, after it was told to and before it is killed."""

    @property
    def name(self) -> str:
        """What it is called where people see it; never its arguments, which may be private."""
        program = self.command[0].rpartition("/")[2] if self.command else ""
        return self.title or self.saved or program


KNOWN: Final[Mapping[Driver, frozenset[str]]] = {
    Driver.COMMAND: frozenset(),
    Driver.ISOLATED: frozenset(("user", "rootfs", "at", "network", "hostname", "binds")),
    Driver.OCI: frozenset(vars(Surroundings())) - {"image", "publish", "labels", "privileged"},
    Driver.ENGINE: frozenset(vars(Surroundings())) - {"rootfs", "runtime", "namespaces"},
}
"""What each driver can be told of the surroundings; anything else is refused before it starts."""
