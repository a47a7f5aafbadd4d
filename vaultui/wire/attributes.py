"""What a new process is given between fork and exec, as the shim is told.

The steps are taken in the order of the fields of `Attributes`, which is also the order of their
names in StepFailed. Each field at its default is a step that is left out.
"""

from __future__ import annotations

from enum import Enum

from vaultui.model.records import record


class Namespace(Enum):
    """The kinds of namespaces(7), by their names in /proc/PID/ns but for `mnt` and `net`."""

    USER = "user"
    MOUNT = "mount"
    PID = "pid"
    NETWORK = "network"
    IPC = "ipc"
    UTS = "uts"
    CGROUP = "cgroup"


@record(frozen=True)
class IdRange:
    """`count` ids from `inside` on are those from `outside` on in the parent's user namespace."""

    inside: int
    outside: int
    count: int = 1


@record(frozen=True)
class Rlimit:
    """A limit of getrlimit(2). -1 is no limit."""

    name: str
    """In small letters and without its prefix: "nofile", "core"."""
    soft: int
    hard: int


@record(frozen=True)
class Attributes:
    """What is not mentioned stays as the shim has it."""

    uid_maps: tuple[IdRange, ...] = ()
    """Of a user namespace of its own; needs USER among `namespaces`. Written by the parent while
    the child waits, and the child gets the errno of the writing. A process that nobody forked
    writes them itself, and may map no other ids than its own."""
    gid_maps: tuple[IdRange, ...] = ()
    setgroups: bool = False
    """What is written into /proc/PID/setgroups before the map of groups: True for "allow", False
    for "deny", without which an ordinary user may write no map."""
    new_session: bool = True
    process_group: int = -1
    """0 for a group of its own, or the group to join; -1 for that of the parent or session."""
    foreground: int = -1
    """Descriptor, as numbered in the parent, of the terminal whose foreground process group it
    becomes; the process gets a group of its own for that."""
    namespaces: tuple[Namespace, ...] = ()
    """Unshared, each once, that of users first. A new mount namespace is made private, so that
    nothing goes back; one of processes is for the children, pid_namespaces(7)."""
    chroot: str = ""
    groups: tuple[int, ...] | None = None
    """The supplementary groups; empty clears them. Left alone where setgroups is denied."""
    gid: int = -1
    uid: int = -1
    ambient_capabilities: tuple[str, ...] = ()
    """By their names in capabilities(7), without the prefix: "sys_admin". Kept by an exec."""
    cwd: str = "/"
    parent_death_signal: int = 0
    """0 for none: a mount backend outlives the terminal that started it."""
    parent_pid: int = 0
    """Whose death is meant; if it is no longer the parent, the signal is delivered at once. 0 for
    whoever forks."""
    controlling_terminal: int = -1
    """Descriptor, as numbered in the child, of the terminal to be that of the session."""
    drop_terminal: bool = False
    """Give up the controlling terminal, as with TIOCNOTTY of ioctl_tty(2)."""
    rlimits: tuple[Rlimit, ...] = ()
    no_new_privileges: bool = False
    ptrace_me: bool = False
    """The parent traces it: it stops at its exec, ptrace(2)."""
