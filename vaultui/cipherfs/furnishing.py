"""What a directory holds that nobody sees: put into it when it is made, taken out to remove it.

That is its IV, where directories have one, and what crashes left behind.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from typing import Final

from vaultui.cipherfs.conflictcopies import is_own_copy
from vaultui.cipherfs.metadata import REMOVED_IV_PREFIX, write_dir_iv
from vaultui.format.names import DIR_IV_NAME, is_companion
from vaultui.linux.credentials import Caller, acting_for
from vaultui.linux.errnos import os_error

_OWNER_ALL: Final = 0o700


def make_furnished(
    parent_fd: int, cname: bytes, mode: int, caller: Caller | None
) -> tuple[int, os.stat_result]:
    """Make a directory with its IV; return a descriptor of it, and its status.

    The owner needs all permissions until the IV is in it. Then it has those that it came about
    with, less what `mode` does not give to the owner: set-group-ID may be inherited, and a
    default list of the parent decides over all of them.
    """
    with acting_for(caller):
        os.mkdir(cname, mode | _OWNER_ALL, dir_fd=parent_fd)
    fd = -1
    try:
        fd, given = _open_as_owner(parent_fd, cname)
        with acting_for(caller):
            write_dir_iv(fd)
        status = os.fstat(fd)
        now = stat.S_IMODE(status.st_mode)
        wanted = (now if given is None else given) & (mode | ~_OWNER_ALL)
        if wanted != now:
            # Not as the caller, who would lose the set-group-ID bit of a foreign group.
            os.fchmod(fd, wanted)
            status = os.fstat(fd)
    except BaseException:
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.unlink(DIR_IV_NAME, dir_fd=fd)
            os.close(fd)
        with contextlib.suppress(OSError):
            os.rmdir(cname, dir_fd=parent_fd)
        raise
    return fd, status


@contextlib.contextmanager
def emptied(parent_fd: int, cname: bytes, *, has_iv: bool) -> Iterator[None]:
    """Empty a directory that has no entries, for what follows; ENOTEMPTY if it has some.

    Its IV waits beside it meanwhile, and comes back if what follows fails.
    """
    fd, restore_mode = _open_as_owner(parent_fd, cname)
    waiting = REMOVED_IV_PREFIX + b"%d" % secrets.randbits(64)
    moved = False
    try:
        _clear_debris(fd, has_iv=has_iv)
        if has_iv:
            with contextlib.suppress(FileNotFoundError):  # never had one, and is empty
                os.rename(DIR_IV_NAME, waiting, src_dir_fd=fd, dst_dir_fd=parent_fd)
                moved = True
        yield
    except BaseException:
        if moved:
            os.rename(waiting, DIR_IV_NAME, src_dir_fd=parent_fd, dst_dir_fd=fd)
        if restore_mode is not None:
            with contextlib.suppress(OSError):
                os.fchmod(fd, restore_mode)
        raise
    finally:
        os.close(fd)
    if moved:
        os.unlink(waiting, dir_fd=parent_fd)


def _open_as_owner(parent_fd: int, cname: bytes) -> tuple[int, int | None]:
    """Give the owner of a directory all permissions, and open it.

    Returns the descriptor, and the mode to go back to if it had to change.
    """
    flags = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    path_fd = -1
    try:
        fd = os.open(cname, os.O_RDONLY | flags, dir_fd=parent_fd)
    except PermissionError:
        path_fd = os.open(cname, os.O_PATH | flags, dir_fd=parent_fd)
    if path_fd < 0:
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if mode & _OWNER_ALL == _OWNER_ALL:
            return fd, None
        try:
            os.fchmod(fd, mode | _OWNER_ALL)
        except BaseException:
            os.close(fd)
            raise
        return fd, mode
    try:
        mode = stat.S_IMODE(os.fstat(path_fd).st_mode)
        path = f"/proc/self/fd/{path_fd}"
        os.chmod(path, mode | _OWNER_ALL)
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), mode
    finally:
        os.close(path_fd)


def _clear_debris(fd: int, *, has_iv: bool) -> None:
    """Raise ENOTEMPTY if the directory has entries; else remove what crashes left in it.

    Stray companions, IVs of removed directories and what sync clients made of an IV are in
    nobody's listing, and must not make a directory that looks empty impossible to remove.
    """
    debris = []
    with os.scandir(fd) as entries:
        for entry in entries:
            cname = os.fsencode(entry.name)
            if has_iv and cname == DIR_IV_NAME:
                continue
            is_debris = has_iv and cname.startswith(REMOVED_IV_PREFIX)
            if not (is_debris or is_companion(cname) or is_own_copy(cname)):
                raise os_error(errno.ENOTEMPTY)
            debris.append(cname)
    for cname in debris:
        os.unlink(cname, dir_fd=fd)
