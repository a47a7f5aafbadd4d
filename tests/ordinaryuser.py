"""Acting as a user without privileges, where the tests run as root."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from capabilities import UNPRIVILEGED_UID
from forkedwork import run_in_child

import vaultui

OPEN_DEVICE = """
umask 077
if [ "$(id -u)" = 0 ]; then  # fusermount3 opens the device as the user, who may not do so here
    [ -e "$1/fuse" ] || mknod -m 666 "$1/fuse" c 10 229 || exit
    mount --bind "$1/fuse" /dev/fuse || exit
fi
shift
exec "$@"
"""
"""Run by a shell as root, with a directory and a command: in a mount namespace of its own, the
command finds a FUSE device that an ordinary user may open."""

WITHIN_REACH = """
umask 022
hidden=$1
mkdir -p "$2/copy" && mount --bind "$hidden" "$2/copy" &&
    mount -t tmpfs -o mode=755 tmpfs "$hidden" || exit
copy=$2/copy
shift 2
while [ "$1" != -- ]; do
    mkdir -p "$hidden/$1" && mount --bind "$copy/$1" "$hidden/$1" || exit
    shift
done
shift
exec "$@"
"""
"""The same, with a directory that others can't enter, one for use, and what lies in the first."""


def with_device(base: Path) -> tuple[str | Path, ...]:
    """Return the words that give the command behind them a FUSE device for everybody."""
    device = base / "device"
    device.mkdir(exist_ok=True)
    return ("unshare", "--mount", "sh", "-c", OPEN_DEVICE, "sh", device)


def within_reach(base: Path) -> tuple[str | Path, ...]:
    """Return the words that let everybody reach our program, wherever it is installed."""
    wanted = {Path(sys.prefix), Path(sys.base_prefix).resolve(), *map(Path, vaultui.__path__)}
    hidden = [
        folder
        for path in wanted
        for folder in reversed(path.parents)
        if not folder.stat().st_mode & 0o001
    ]
    if not hidden:
        return ()
    top = hidden[0]
    inside = [path.relative_to(top) for path in wanted if path.is_relative_to(top)]
    return ("sh", "-c", WITHIN_REACH, "sh", top, base / "device", *inside, "--")


def plainly_as_user(base: Path) -> tuple[str | Path, ...]:
    """Return the words that run a command as an ordinary user who has no privilege at all.

    In a user namespace one that `as_user` may leave would not count.
    """
    if os.geteuid() != 0:
        return ()
    return (*with_device(base), *within_reach(base), *setting_user(UNPRIVILEGED_UID))


def setting_user(uid: int) -> tuple[str, ...]:
    """Return the words with which root runs a command as a user and group of that number."""
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all")


def give_to_user(*tops: Path) -> None:
    """Make trees the ordinary user's, and let others pass through to them."""
    if os.geteuid() != 0:
        return
    for top in tops:
        let_others_in(top)
        for folder, folders, files in os.walk(top):
            for entry in (folder, *(os.path.join(folder, name) for name in folders + files)):
                os.chown(entry, UNPRIVILEGED_UID, UNPRIVILEGED_UID, follow_symlinks=False)


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

    def as_user() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(UNPRIVILEGED_UID)
            os.setuid(UNPRIVILEGED_UID)
        os.umask(0)
        work()

    run_in_child(as_user)
