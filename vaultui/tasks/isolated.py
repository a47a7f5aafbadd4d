"""The driver `isolated`: the program in a view of its own, as somebody who owns nothing.

It sees the system, which it can't change, the vault, and empty directories where people have their
files. Started by root it is `nobody`; of anybody else it stays a process, in a user namespace.
What it can't see it can't reach either: the network is the exception, unless it is told to have
none.
"""

from __future__ import annotations

import os
import pwd
import signal
import stat
from collections.abc import Mapping
from typing import Final

from vaultui.model.errors import (
    TaskCommandNotExecutable,
    TaskCommandNotFound,
    TaskOptionInvalid,
    VaultKeptClosed,
)
from vaultui.model.language import N_
from vaultui.supervisor.environment import backend_environment
from vaultui.tasks.command import rlimits_of
from vaultui.tasks.containers.users import chosen
from vaultui.tasks.interpolation import command_of, environment_of, filled_in
from vaultui.tasks.plan import PATH, SCRATCH_AT, VAULT_AT, Job, TaskPlan
from vaultui.tasks.request import BindRequest
from vaultui.tasks.rooms import own_room
from vaultui.tasks.shownpaths import ShownPaths
from vaultui.wire.attributes import Attributes, Namespace
from vaultui.wire.rooms import Bind, EmptyDirectory, RoomSpec, View
from vaultui.wire.tasks import Teardown

STAGING_DIR: Final = "root"
"""In the directory of a task: where its view is put together, in the room alone."""

_SYSTEM: Final = frozenset(
    (
        *("bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "etc", "opt", "sys"),
        *("nix", "gnu"),  # the whole systems of NixOS and Guix
    )
)
"""Directories of the system that we run on; others hold what belongs to people, or is running."""

_NOT_SHOWN: Final = frozenset(("dev", "proc", "sys", "run", "tmp", "home", "root"))
"""Directories of another system whose places are taken by others."""

_RESOLVER: Final = "/etc/resolv.conf"
_NOBODY: Final = "nobody"
_NOBODY_ELSEWHERE: Final = "65534:65534"
"""In a system that may know no such name: whom the kernel takes for nobody, user_namespaces(7)."""

_DROPPED: Final = (
    "XDG_SESSION_ID",
    "DBUS_SESSION_BUS_ADDRESS",
    "DBUS_SYSTEM_BUS_ADDRESS",
    "TMPDIR",
)
"""Of the variables that a program of ours inherits: what they name is not in the view."""


def prepare(job: Job) -> TaskPlan:
    """Return the program with its view.

    Raises TaskOptionInvalid, TaskCommandInvalid, TaskCommandNotFound, TaskCommandNotExecutable,
    NamespacesForbidden, and VaultKeptClosed for an open vault that the program could not enter.
    """
    request, around = job.request, job.request.around
    system, links = _system(around.rootfs)
    uid, gid, home = _whom(job)
    _check_place("--at", around.at, around.at)
    mountpoint = around.at or (VAULT_AT if around.rootfs else job.mountpoint)
    room = own_room(Namespace.IPC, Namespace.UTS, *_network(around.network))
    given = environment_of(request.env, job.variables(mountpoint, SCRATCH_AT))
    env = _environment(home, given, foreign=bool(around.rootfs))
    view = View(
        staging=str(job.task_dir / STAGING_DIR),
        binds=(*_binds(job, mountpoint), *system),
        directories=_directories(home, uid, gid),
        links=links,
    )
    shown = ShownPaths(view)
    workdir = filled_in(request.workdir, given) or mountpoint
    command = command_of(request.command, given)
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(job.scratch, uid, gid)
    (job.task_dir / STAGING_DIR).mkdir(mode=0o700)
    return TaskPlan(
        argv=(_found(command[0], env["PATH"], workdir, job, shown), *command[1:]),
        env=env,
        attributes=Attributes(
            groups=() if is_root else None,
            gid=gid if is_root else -1,
            uid=uid if is_root else -1,
            cwd=workdir,
            parent_death_signal=signal.SIGTERM,
            rlimits=rlimits_of(request),
            no_new_privileges=True,
        ),
        mountpoint=mountpoint,
        room=RoomSpec(room.namespaces, view=view, hostname=around.hostname),
        owner=(uid, gid) if is_root else None,
        teardown=Teardown(directories=(view.staging,)),
    )


def _whom(job: Job) -> tuple[int, int, str]:
    """Return user, group and home directory; raises where the vault would be closed to them."""
    asked = job.request.around.user
    if os.geteuid() != 0:
        if asked:
            reason = N_("only root can run a task as somebody else")
            raise TaskOptionInvalid(option="--user", value=asked, reason=reason)
        home = os.environ.get("HOME", "")
        return os.getuid(), os.getgid(), home if home.startswith("/") else "/home"
    rootfs = job.request.around.rootfs
    user = chosen(asked or (_NOBODY_ELSEWHERE if rootfs else _NOBODY), rootfs or "/")
    if user.uid == 0:
        reason = N_("root cannot be kept in a view; containers have one of their own")
        raise TaskOptionInvalid(option="--user", value=asked, reason=reason)
    if not job.room and not job.allow_other:
        raise VaultKeptClosed(
            name=job.vault_name, owner=pwd.getpwuid(0).pw_name, user=asked or _NOBODY
        )
    return user.uid, user.gid, user.home if user.home.strip("/") else "/home"


def _network(asked: str) -> tuple[Namespace, ...]:
    if asked in ("", "host"):
        return ()
    if asked == "none":
        return (Namespace.NETWORK,)
    reason = N_("an isolated task has the network of the host, or none")
    raise TaskOptionInvalid(option="--network", value=asked, reason=reason)


def _environment(home: str, given: Mapping[str, str], *, foreign: bool) -> dict[str, str]:
    """Return the variables that a program of ours has anyway, with `given`.

    A `foreign` system has its programs where they usually are.
    """
    env = {name: value for name, value in backend_environment().items() if name not in _DROPPED}
    if "TERM" in os.environ:
        env["TERM"] = os.environ["TERM"]
    if foreign:
        env["PATH"] = PATH
    return {**env, "HOME": home, **given}


def _binds(job: Job, mountpoint: str) -> tuple[Bind, ...]:
    """Return what is asked for, the vault before all others."""
    return (
        Bind(job.mountpoint, mountpoint, read_only=job.request.read_only),
        Bind(str(job.scratch), SCRATCH_AT, read_only=False),
        *(_checked(bind, job) for bind in job.request.around.binds),
    )


def _check_place(option: str, value: str, target: str) -> None:
    """Raise TaskOptionInvalid for a place of the view that nothing can be shown at."""
    if target and not os.path.normpath(target).strip("/"):
        reason = N_("the root directory is put together for the task")
        raise TaskOptionInvalid(option=option, value=value, reason=reason)


def _directories(home: str, uid: int, gid: int) -> tuple[EmptyDirectory, ...]:
    """Return what is empty in the view: where people, and what runs, have their files."""
    runtime = backend_environment().get("XDG_RUNTIME_DIR", "")
    return (
        EmptyDirectory("/tmp", 0o1777, uid, gid),  # noqa: S108 - its own
        EmptyDirectory("/var/tmp", 0o1777, uid, gid),  # noqa: S108 - its own
        EmptyDirectory("/run", 0o755),
        *(EmptyDirectory(path, 0o700, uid, gid) for path in (home, runtime) if path),
    )


def _checked(bind: BindRequest, job: Job) -> Bind:
    """Return a bind whose source is there, as far as that can be told; raises TaskOptionInvalid."""
    option, value = "--bind", f"{bind.source}:{bind.target}"
    _check_place(option, value, bind.target)
    if bind.propagation:
        reason = N_("of an isolated task nothing is mounted elsewhere; containers can have that")
        raise TaskOptionInvalid(option=option, value=value, reason=reason)
    in_vault = f"{bind.source}/".startswith(f"{job.mountpoint}/")
    if not in_vault and not os.path.exists(bind.source):
        reason = N_("there is nothing at that place")
        raise TaskOptionInvalid(option=option, value=value, reason=reason)
    return Bind(bind.source, bind.target, bind.read_only)


def _system(rootfs: str) -> tuple[list[Bind], tuple[tuple[str, str], ...]]:
    """Return what is shown of a system, read-only, and the links in its root directory."""
    root = rootfs or "/"
    binds, links = [], []
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        reason = N_("that is no directory that can be read")
        raise TaskOptionInvalid(option="--rootfs", value=rootfs, reason=reason) from error
    for entry in entries:
        wanted = entry.name not in _NOT_SHOWN if rootfs else entry.name in _SYSTEM
        if wanted and entry.is_symlink():
            links.append((f"/{entry.name}", os.readlink(entry.path)))
        elif wanted and entry.is_dir(follow_symlinks=False):
            binds.append(Bind(entry.path, f"/{entry.name}", devices=not rootfs))
    return [*binds, *_resolver(rootfs)], tuple(links)


def _resolver(rootfs: str) -> list[Bind]:
    """Return the addresses of name servers, which many systems keep where things are running."""
    if rootfs:
        # There may be a link; what it leads to is not ours to follow.
        place = os.path.join(rootfs, _RESOLVER[1:])
        return [Bind(_RESOLVER, _RESOLVER)] if stat.S_ISREG(_mode(place)) else []
    real = os.path.realpath(_RESOLVER)
    return [] if real == _RESOLVER else [Bind(real, real)]


def _found(program: str, search: str, workdir: str, job: Job, shown: ShownPaths) -> str:
    """Return the absolute path of a program in the view, looked for in PATH as a shell does."""
    places = [workdir] if "/" in program else [one for one in search.split(os.pathsep) if one]
    lying = ""
    for place in places:
        path = os.path.normpath(os.path.join(workdir, place, program))
        ours = shown.ours(path)
        if ours is None:
            continue
        if f"{ours}/".startswith(f"{job.mountpoint}/"):
            return path  # it may be locked yet, and its mount is nothing to be touched in here
        mode = _mode(ours)
        if stat.S_ISREG(mode) and mode & 0o111:
            return path
        lying = lying or (path if mode else "")
    if lying:
        reason = N_("it is a directory") if stat.S_ISDIR(_mode(shown.ours(lying) or "")) else ""
        raise TaskCommandNotExecutable(program=lying, reason=reason or N_("Permission denied"))
    raise TaskCommandNotFound(program=program)


def _mode(path: str) -> int:
    """Return type and mode bits of a file, or 0 where there is none that we know of."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return 0
