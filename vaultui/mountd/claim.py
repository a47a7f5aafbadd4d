"""One writer for each cipher directory.

Two programs that write into one cipher directory tear each other's blocks: neither knows
the other's locks. Ours find each other by a lock on the directory's descriptor, which the
kernel drops with the process, however it ends. gocryptfs takes no lock, so the mount table
is asked for it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from vaultui.linux import process
from vaultui.linux.mountinfo import Mount, leads_to, read_mounts
from vaultui.model.errors import CipherdirInUse
from vaultui.model.language import Phrase

_GOCRYPTFS = "fuse.gocryptfs"

ENDING_S: Final = 10.0
"""How long a holder without a mount may take to end. Whoever unmounts and mounts again in one
breath meets the old process on its way out; one that was detached lazily stays longer."""


def claim(cipherdir_fd: int, path: str, *, shared: bool, patience_s: float = ENDING_S) -> None:
    """Hold `cipherdir_fd` for as long as it is open, alone or `shared` with other readers.

    Raises CipherdirInUse that names who has it: at once when the mount table lists it, else
    after `patience_s`. File systems without locks let everybody in.
    """
    deadline = time.monotonic() + patience_s
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    while not _try_lock(cipherdir_fd, kind):
        pid = _holder(cipherdir_fd)
        if not pid and _try_lock(cipherdir_fd, kind):
            break  # it let go between the two looks
        place = _where(path)
        left = deadline - time.monotonic()
        if place or not pid or left <= 0 or not _has_ended(pid, left):
            who = f"process {pid}" if pid else "another process"
            raise CipherdirInUse(path=path, holder=f"{who}{place}")
    mounts = read_mounts()
    for mount in mounts:
        if not mount.fstype.startswith(_GOCRYPTFS) or (shared and "ro" in mount.options):
            continue
        if _is_source(mount, path, mounts):
            raise CipherdirInUse(
                path=path, holder=Phrase("gocryptfs on {mountpoint}", mountpoint=mount.mountpoint)
            )


def _try_lock(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # ENOLCK, ENOTSUP: network file systems that cannot lock
    return True


def _is_source(mount: Mount, path: str, mounts: Sequence[Mount]) -> bool:
    real = os.path.realpath(path)
    # gocryptfs shows commas as underscores.
    return mount.source in {
        spelling
        for name in (os.path.abspath(path), real)
        for spelling in (name, name.replace(",", "_"))
    } or (os.path.isabs(mount.source) and leads_to(mount.source, real, mounts))


def _holder(cipherdir_fd: int) -> int:
    """Return the pid that holds the lock, as /proc/locks has it; 0 when it can't be told."""
    status = os.fstat(cipherdir_fd)
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        with Path("/proc/locks").open(encoding="ascii") as locks:
            for line in locks:
                # "1: FLOCK  ADVISORY  WRITE 4711 08:01:1234 0 EOF"; proc_locks(5)
                fields = line.split()
                if len(fields) > 5 and fields[1] == "FLOCK" and fields[5] == wanted:
                    return max(0, int(fields[4]))
    except OSError:
        pass
    return 0


def _has_ended(pid: int, timeout: float) -> bool:
    """Wait for the end of `pid`, at most `timeout` seconds, and return whether it came."""
    try:
        pidfd = process.open_pidfd(pid)
    except OSError:
        return True
    try:
        return process.wait_pidfd(pidfd, timeout)
    finally:
        os.close(pidfd)


def _where(path: str) -> str:
    mounts = read_mounts()
    for mount in mounts:
        is_ours = mount.fstype.startswith(("fuse.vaultfs", _GOCRYPTFS))
        if is_ours and _is_source(mount, path, mounts):
            return f", mounted on {mount.mountpoint}"
    return ""
