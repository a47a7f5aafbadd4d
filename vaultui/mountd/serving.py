"""A mount with both its planes, from mount(2) to the end of the last request."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import resource
from collections.abc import Callable
from typing import Final

import trio

from vaultui.cipherfs.filesystem import FileSystem
from vaultui.cipherfs.report import Report
from vaultui.cipherfs.sharedstorage import SharedFileSystem
from vaultui.cipherfs.tree import Tree
from vaultui.cipherfs.volume import Volume
from vaultui.linux import credentials, fusemount
from vaultui.linux.errnos import reason_of
from vaultui.linux.mountinfo import mount_at
from vaultui.linux.unmount import unmount
from vaultui.model.errors import (
    FuseDeviceMissing,
    FusermountMissing,
    MountFailed,
    VaultuiError,
)
from vaultui.model.exitcodes import ExitCode
from vaultui.model.language import N_
from vaultui.mountd.activity import Activity, boottime
from vaultui.mountd.console import log
from vaultui.mountd.control.guards import Guards
from vaultui.mountd.control.idle import Clock, CycleClock, IdleClock
from vaultui.mountd.control.plane import ControlPlane
from vaultui.mountd.control.served import Served
from vaultui.mountd.control.socketfile import ControlSocket
from vaultui.mountd.data.plane import (
    DataPlane,
    believed_s,
    forget_attributes,
    shares_as_root,
)
from vaultui.mountd.eventring import EventRing
from vaultui.mountd.front import Front
from vaultui.wire.control import EventKind
from vaultui.wire.handshake import MountSpec

OPEN_FILES: Final = 1 << 16
"""Soft limit of open files that we ask for: one for each open file and each cached directory.
gocryptfs asks for 4096; the hard limit is what the administrator allows."""


def serve(
    spec: MountSpec,
    cipherdir_fd: int,
    volume: Volume,
    control_socket: ControlSocket | None,
    front: Front,
    program: str,
    *,
    derivation_s: float,
) -> ExitCode:
    """Mount an open volume and serve it until it is unmounted; return the exit code."""
    raise_open_files_limit()
    # The kernel has applied the caller's mask to each mode already.
    umask = os.umask(0)
    events = EventRing()
    activity = Activity()
    clock = _clock(spec.idle_timeout_s, activity, program)
    report = functools.partial(_record, events)
    with contextlib.closing(_tree(spec, cipherdir_fd, volume, report)) as tree:
        handed_over = fusemount.handed_over(spec.mountpoint) is not None
        served = Served(
            spec=spec,
            root=spec.mountpoint if handed_over else os.path.realpath(spec.mountpoint),
            filesystem=tree,
            activity=activity,
            events=events,
            clock=clock,
            guards=Guards(clock, spec.lock_on, notify=spec.notify, events=events),
            idle_warning_s=_idle_warning_s(spec, program),
            features=tuple(flag.value for flag in volume.features.flags),
            derivation_s=derivation_s,
            temporary=spec.hold is not None,
            umask=umask,
        )
        return _serve(served, control_socket, front, program)


def _serve(
    served: Served, control_socket: ControlSocket | None, front: Front, program: str
) -> ExitCode:
    fuse_fd = _mount(served.spec, program)
    mounted = mount_at(served.root)
    served.mount_id = 0 if mounted is None else mounted.mount_id
    control = ControlPlane(served, control_socket)

    def ready() -> None:
        served.events.add(EventKind.UNLOCKED, detail=served.spec.password_source)
        try:
            front.ready(served.root, served.mount_id, served.derivation_s)
        except OSError as error:  # whoever waited went away; the mount is there
            log.warning("not told that the mount is ready: %s", error)
        control.opened()

    data = DataPlane(
        served.filesystem,
        fuse_fd,
        served.spec,
        served.activity,
        served.events,
        on_served=lambda: control.call(ready),
        on_end=control.end,
    )
    try:
        code = trio.run(control.run, data.start)
        if data.failure is not None:
            raise data.failure
    except BaseException as error:
        _detach(served)
        log.critical("serving the mount ended with an error", exc_info=error)
        raise MountFailed(path=served.spec.mountpoint, reason=N_("serving it ended")) from error
    return code


def _tree(
    spec: MountSpec, cipherdir_fd: int, volume: Volume, report: Callable[[Report], None]
) -> Tree:
    """Return what the mount shows."""
    if spec.reverse:
        # Loaded by those alone who need it: an unlock must not wait for it.
        from vaultui.cipherfs.reverse.excludes import Excludes
        from vaultui.cipherfs.reverse.filesystem import ReverseFileSystem

        return ReverseFileSystem(
            cipherdir_fd,
            volume,
            report=report,
            excludes=Excludes(spec.exclude, spec.exclude_patterns),
            one_file_system=spec.one_file_system,
            # One that lies elsewhere is no part of the backup.
            shows_conf=not spec.config_path,
            xattrs=spec.xattrs,
        )
    kind = SharedFileSystem if spec.shared_storage else FileSystem
    return kind(
        cipherdir_fd,
        volume,
        read_only=spec.read_only,
        report=report,
        prealloc=spec.prealloc,
        coherence_s=believed_s(spec),
        bad_names=spec.bad_names,
        conflict_copies=spec.conflict_copies,
        xattrs=spec.xattrs,
        suid=spec.suid,
        spare_ivs=True,
        on_change=forget_attributes,
    )


def _mount(spec: MountSpec, program: str) -> int:
    """Return a descriptor to serve, of a new mount or as it was handed over."""
    wanted = fusemount.FuseMount(
        mountpoint=spec.mountpoint,
        source=spec.fsname or spec.cipherdir,
        subtype=f"{program}-reverse" if spec.reverse else program,
        read_only=spec.read_only,
        allow_other=spec.allow_other,
        suid=spec.suid,
        dev=spec.dev,
        exec=spec.exec,
        context=spec.context,
        extra=spec.kernel_options,
    )
    try:
        if shares_as_root(spec):
            credentials.may_act()  # on a machine where nobody knows how, this says so
        if (fd := fusemount.handed_over(spec.mountpoint)) is not None:
            fusemount.take_over(fd)
            return fd
        return fusemount.mount(wanted)
    except OSError as error:
        raise mount_error(spec.mountpoint, error) from error


def mount_error(mountpoint: str, error: OSError) -> VaultuiError:
    """Return the error that says in words why mounting failed."""
    reason = reason_of(error)
    if error.filename == fusemount.DEVICE:
        return FuseDeviceMissing(reason=reason)
    if error.filename == fusemount.HELPER:
        return FusermountMissing()
    if error.errno == errno.ENODEV:
        return FuseDeviceMissing(reason=N_("the kernel has no FUSE"))
    return MountFailed(path=mountpoint, reason=reason)


def _detach(served: Served) -> None:
    """Take a mount that nobody serves any more out of the tree."""
    mounted = mount_at(served.root)
    if mounted is not None and mounted.mount_id == served.mount_id:
        with contextlib.suppress(OSError, TimeoutError):
            unmount(served.root, lazy=True)


def _clock(timeout: float, activity: Activity, program: str) -> Clock:
    kind: Callable[[float, Activity, float], Clock] = IdleClock
    if timeout and program == "gocryptfs":
        kind = CycleClock
    return kind(timeout, activity, boottime())


def _idle_warning_s(spec: MountSpec, program: str) -> float:
    """Return how long before the idle lock it is announced; gocryptfs's monitor does not."""
    return 0.0 if program == "gocryptfs" else min(spec.idle_warning_s, spec.idle_timeout_s / 2)


def _record(events: EventRing, report: Report) -> None:
    events.add(EventKind(report.kind.value), report.path, report.detail)


def raise_open_files_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
