"""What a mount tells about itself."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from typing import Final

import vaultui
from vaultui.linux.holders import Holder
from vaultui.mountd.activity import boottime
from vaultui.mountd.control.hooks import HOOKS_S
from vaultui.mountd.control.served import Served
from vaultui.wire.control import Opener, OpenFile, Status

MAX_OPEN_FILES: Final = 256
_PAGE: Final = os.sysconf("SC_PAGESIZE")


def status(served: Served, holders: list[Holder]) -> Status:
    """Return the state of the mount now; `holders` are those that use it, as far as known."""
    spec, activity = served.spec, served.activity
    activity.bring_up_to_date()
    now = boottime()
    open_files = served.filesystem.open_files()
    openers = _openers(holders, served.root)
    return Status(
        version=vaultui.__version__,
        pid=os.getpid(),
        vault_id=spec.vault_id,
        vault_name=spec.vault_name,
        cipherdir=spec.cipherdir,
        mountpoint=spec.mountpoint,
        read_only=spec.read_only,
        opened_at=served.opened_at,
        password_source=spec.password_source,
        idle_timeout_s=served.clock.timeout,
        idle_left_s=served.clock.left(now) if served.clock.timeout else None,
        idle_paused=served.clock.paused,
        last_activity_s=max(0.0, now - activity.last_use),
        busy_reason=served.busy_reason,
        open_file_count=len(open_files),
        open_files=tuple(
            OpenFile(file.path, file.handles, file.writable, tuple(openers[file.path]))
            for file in open_files[:MAX_OPEN_FILES]
        ),
        bytes_read=activity.bytes_read,
        bytes_written=activity.bytes_written,
        operations=dict(activity.operations),
        rss_bytes=_resident_bytes(),
        last_event=served.events.last,
        features=served.features,
        derivation_s=served.derivation_s,
        inodes=served.filesystem.inode_count(),
        autolock=served.guards.report(),
        idle_warning_s=served.idle_warning_s,
        waits_to_lock=next(iter(served.waits_to_lock), ""),
        holds=tuple(served.holds),
        temporary=served.temporary,
        # Two clocks: without rounding it would be another time in each report.
        closes_at=float(round(time.time() + served.deadline - now)) if served.deadline else 0.0,
        hooks_s=HOOKS_S if spec.before_lock else 0.0,
    )


def _openers(holders: list[Holder], root: str) -> dict[str, list[Opener]]:
    """Return who has which file open, by path below `root`."""
    found: dict[str, dict[int, Opener]] = defaultdict(dict)
    for holder in holders:
        if holder.kind in ("open", "map", "exe"):
            path = holder.path.removeprefix(root).lstrip("/")
            found[path][holder.pid] = Opener(holder.pid, holder.command)
    return defaultdict(list, {path: list(pids.values()) for path, pids in found.items()})


def _resident_bytes() -> int:
    # Not by a Path, which makes twice as many system calls: each may cost the lock.
    fd = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return int(os.read(fd, 256).split()[1]) * _PAGE
    finally:
        os.close(fd)
