"""Whether a FUSE mount answers, and the emergency brake for one that does not.

Any access to a mount whose server hangs hangs too, so a child asks, and the child may be
left behind: see `spawn.Child.kill`.
"""

from __future__ import annotations

import errno
import os
import sys
from enum import Enum
from pathlib import Path

from vaultui.linux import spawn
from vaultui.linux.mountinfo import Mount

CONNECTIONS = Path("/sys/fs/fuse/connections")

# The errno comes back as the exit status; all that matter here fit into it.
_ASK = "import os, sys\ntry: os.statvfs(sys.argv[1])\nexcept OSError as e: sys.exit(e.errno & 255)"


class Answer(Enum):
    ALIVE = "alive"
    """Its server answered, if only with an error."""
    DEAD = "dead"
    """Its server is gone; only the entry in the mount table is left."""
    HUNG = "hung"
    """No answer in time."""


def ask(mountpoint: str | os.PathLike[str], timeout: float) -> Answer:
    """Ask the mount for its statistics (statfs always reaches the server), and say what came."""
    argv = [sys.executable, "-I", "-S", "-c", _ASK, os.fspath(mountpoint)]
    try:
        completed = spawn.run(argv, timeout=timeout)
    except TimeoutError:
        return Answer.HUNG
    dead = completed.returncode in (errno.ENOTCONN, errno.ECONNABORTED)
    return Answer.DEAD if dead else Answer.ALIVE


def answers(mountpoint: str | os.PathLike[str], timeout: float = 3.0) -> bool:
    """Return whether the server of the mount answered within `timeout` seconds."""
    return ask(mountpoint, timeout) is Answer.ALIVE


def abort(mount: Mount) -> None:
    """Cut the connection of a FUSE mount: everything that waits for it gets an error.

    Only the user who mounted it and root may; raises OSError. The mount stays, dead.
    """
    if not mount.is_fuse:
        raise OSError(errno.EINVAL, f"{mount.mountpoint} is not a FUSE mount")
    (CONNECTIONS / str(mount.minor) / "abort").write_text("1")
