"""Acting as a user without privileges, where the tests run as root."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

from capabilities import UNPRIVILEGED_UID

import vaultui

OPEN_DEVICE = """
umask 077
if [ "$(id -u)" = 0 ]; then  # fusermount3 opens the device as the user, who may not do so here
    mknod -m 666 "$1/fuse" c 10 229 && mount --bind "$1/fuse" /dev/fuse || exit
fi
shift
exec "$@"
"""
"""Run by a shell as root, with a directory and a command: in a mount namespace of its own, the
command finds a FUSE device that an ordinary user may open."""


def as_user() -> tuple[str, ...]:
    """Return the words that go before a command to run it as an ordinary user."""
    if os.geteuid() != 0:
        return ()
    words = (
        "setpriv",
        f"--reuid={UNPRIVILEGED_UID}",
        f"--regid={UNPRIVILEGED_UID}",
        "--clear-groups",
    )
    if not _others_reach(os.path.realpath(sys.executable), sys.prefix, *vaultui.__path__):
        # What lies in root's home can't be executed by others: leave the command the one
        # privilege to pass through that directory. It can't write or mount with it.
        words += ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return words


def _others_reach(*places: str) -> bool:
    folders = {folder for place in places for folder in Path(place).parents}
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def let_others_in(directory: Path) -> None:
    """Let other users pass through the test's directories down to `directory`."""
    for folder in (directory, *directory.parents):
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o011)


def run_as_user(work: Callable[[], None]) -> None:
    """Run `work` in a child process that has given up its privileges; it must not fail."""
    with warnings.catch_warnings():
        # Python 3.12 warns of a fork beside threads: that of the time limit holds no lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(UNPRIVILEGED_UID)
                os.setuid(UNPRIVILEGED_UID)
            os.umask(0)
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0, "see the traceback of the child"
