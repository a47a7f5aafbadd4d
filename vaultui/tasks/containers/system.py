"""The system that a container sees: a directory that stays as it is, and a layer for all changes.

What a program writes beside the vault may be plaintext, so the layer is in memory, and goes with
the container. It has the places for the mounts as well, which the runtime would else make itself:
in the system of somebody else an ordinary user could make none.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from vaultui.linux import mounting
from vaultui.linux.mountinfo import mounts_below
from vaultui.model.errors import ContainerNotCreated
from vaultui.model.language import Phrase

_SYSTEM: Final = "system"
_CHANGES: Final = "changes"
_WORK: Final = "work"
_ROOTFS: Final = "rootfs"


def assemble(
    rootfs: str, directory: str, places: Iterable[tuple[str, bool]], *, of_users: bool
) -> str:
    """Return where the system is, put together below `directory`, which is in memory.

    `places` are paths in it to be made where they are missing, each with whether it is a directory;
    those below others come after them. Raises OSError or ContainerNotCreated.
    """
    # By names below the working directory: in the options of an overlay, colons and commas mean
    # something, and a path may have them.
    os.chdir(directory)
    for name in (_SYSTEM, _CHANGES, _WORK, _ROOTFS):
        os.mkdir(name)
    mounting.bind(rootfs, _SYSTEM)
    _copy_mode(_SYSTEM, _CHANGES)
    made: set[str] = set()
    for path, is_directory in places:
        names = [name for name in path.split("/") if name]
        if not any("/".join(names[:depth]) in made for depth in range(1, len(names))):
            _make(names, is_directory=is_directory)
        made.add("/".join(names))
    options = f"lowerdir={_SYSTEM},upperdir={_CHANGES},workdir={_WORK}"
    # In a user namespace, attributes of users hold what those of the machine's root hold else.
    options += ",userxattr" if of_users else ""
    try:
        mounting.mount("overlay", _ROOTFS, "overlay", 0, options)
    except OSError as error:
        reason = _reason(error, rootfs, of_users=of_users)
        raise ContainerNotCreated(maker="vaultui", reason=reason) from error
    return os.path.join(directory, _ROOTFS)


def _reason(error: OSError, rootfs: str, *, of_users: bool) -> Phrase:
    """Return why there can be no layer over a system."""
    if of_users and mounts_below(os.path.realpath(rootfs)):
        # The layer would show what they cover, which is for root to decide.
        return Phrase("file systems are mounted in {path}, so only root can use it", path=rootfs)
    # A file system of the kernel's own, or one that has such layers already.
    words = os.strerror(error.errno or 0)
    return Phrase("no layer can lie over {path} ({reason})", path=rootfs, reason=words)


def _make(names: list[str], *, is_directory: bool) -> None:
    """Make a place in the layer, and the way to it as the system has it.

    Where that leads over a link nothing is made: the runtime knows how to follow one in there.
    """
    for depth in range(1, len(names) + 1):
        below, above = (os.path.join(top, *names[:depth]) for top in (_SYSTEM, _CHANGES))
        is_last = depth == len(names)
        if os.path.lexists(below) and (is_last or not _is_directory(below)):
            return
        if os.path.lexists(above):
            continue
        if is_last and not is_directory:
            Path(above).touch(0o644)
        else:
            os.mkdir(above)
            _copy_mode(below, above)


def _is_directory(path: str) -> bool:
    return stat.S_ISDIR(os.lstat(path).st_mode)


def _copy_mode(source: str, target: str) -> None:
    """Give a directory the mode and the owner of the one that it lies over, if there is one."""
    try:
        status = os.lstat(source)
    except FileNotFoundError:
        return
    os.chmod(target, stat.S_IMODE(status.st_mode))
    if os.geteuid() == 0:
        try:
            os.chown(target, status.st_uid, status.st_gid)
        except OSError:
            # Somebody who is not there in our user namespace.
            return
