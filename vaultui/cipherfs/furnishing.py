"""What a directory holds that nobody sees: put into it when it is made, taken out to remove it.

That is its IV, where directories have one, and what crashes left behind. A directory without its
IV is one that nobody can list, so there is none under any name that is shown: it gets its name when
the IV is in it, and has lost its name when the IV is taken out. Whoever is killed in between
leaves something that is in no listing, ours or gocryptfs's, and goes with the directory above.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Final, NamedTuple

from vaultui.cipherfs.conflictcopies import is_own_copy
from vaultui.cipherfs.metadata import REMOVED_IV_PREFIX, staging_name, write_dir_iv
from vaultui.cipherfs.spareivs import SpareIvs
from vaultui.format.names import DIR_IV_NAME, is_companion
from vaultui.linux.atcalls import RENAME_EXCHANGE, RENAME_NOREPLACE, exists, rename
from vaultui.linux.credentials import Caller, acting_for
from vaultui.linux.errnos import os_error

_OWNER_ALL: Final = 0o700
_UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""What file systems say that know no flags of renameat2(2), such as those of a network."""


class Furnished(NamedTuple):
    """A directory that was made."""

    fd: int
    status: os.stat_result
    iv_on_disk: bool
    """The content of its IV is; that it has one is on the disk when the directory was synced."""


def make_furnished(
    parent_fd: int, cname: bytes, mode: int, caller: Caller | None, spare: SpareIvs
) -> Furnished:
    """Make a directory with its IV, and open it.

    It gets its name when all is in it. The owner needs all permissions until then; afterwards
    it has those that it came about with, less what `mode` does not give to the owner:
    set-group-ID may be inherited, and a default list of the parent decides over all of them.
    """
    staged = staging_name()
    with acting_for(caller):
        os.mkdir(staged, mode | _OWNER_ALL, dir_fd=parent_fd)
    fd = -1
    try:
        fd, given = _open_as_owner(parent_fd, staged)
        # A spare one is ours, not the caller's.
        iv_on_disk = caller is None and spare.give(fd)
        if not iv_on_disk:
            with acting_for(caller):
                write_dir_iv(fd)
        if given is not None or mode & _OWNER_ALL != _OWNER_ALL:
            if given is None:
                given = stat.S_IMODE(os.fstat(fd).st_mode)
            # Not as the caller, who would lose the set-group-ID bit of a foreign group.
            os.fchmod(fd, given & (mode | ~_OWNER_ALL))
        _give_free_name(parent_fd, staged, cname)
        return Furnished(fd, os.fstat(fd), iv_on_disk)
    except BaseException:
        with contextlib.suppress(OSError):
            _remove_staged(parent_fd, staged)
        if fd >= 0:
            os.close(fd)
        raise


def remove_furnished(parent_fd: int, cname: bytes, *, has_iv: bool) -> None:
    """Remove a directory that has no entries; ENOTEMPTY, with nothing changed, if it has some."""
    with _cleared(parent_fd, cname, has_iv=has_iv) as fd:
        _remove_cleared(parent_fd, cname, fd, has_iv=has_iv)


def replace_furnished(
    old_parent_fd: int, old: bytes, parent_fd: int, new: bytes, flags: int, *, has_iv: bool
) -> None:
    """Rename the directory `old` over `new`, which has no entries; ENOTEMPTY if it has some.

    At each moment `new` leads to the one or to the other. What is killed before the end may
    leave an empty directory called `old`.
    """
    with _cleared(parent_fd, new, has_iv=has_iv) as fd:
        if not has_iv:
            rename(old_parent_fd, old, parent_fd, new, flags)
            return
        if not flags and _exchange(old_parent_fd, old, parent_fd, new):
            try:
                _remove_cleared(old_parent_fd, old, fd, has_iv=True)
            except BaseException:
                rename(old_parent_fd, old, parent_fd, new, RENAME_EXCHANGE)
                raise
            return
        # No way to exchange two names: for a moment there is none at all.
        staged = staging_name()
        os.rename(new, staged, src_dir_fd=parent_fd, dst_dir_fd=parent_fd)
        try:
            rename(old_parent_fd, old, parent_fd, new, flags)
        except BaseException:
            os.rename(staged, new, src_dir_fd=parent_fd, dst_dir_fd=parent_fd)
            raise
        with contextlib.suppress(OSError):
            _remove_staged(parent_fd, staged)


def _give_free_name(parent_fd: int, staged: bytes, cname: bytes) -> None:
    try:
        rename(parent_fd, staged, parent_fd, cname, RENAME_NOREPLACE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        if exists(parent_fd, cname):
            raise os_error(errno.EEXIST) from None
        os.rename(staged, cname, src_dir_fd=parent_fd, dst_dir_fd=parent_fd)


def _exchange(old_parent_fd: int, old: bytes, parent_fd: int, new: bytes) -> bool:
    """Exchange two entries; False where the file system can't."""
    try:
        rename(old_parent_fd, old, parent_fd, new, RENAME_EXCHANGE)
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return False
    return True


@contextlib.contextmanager
def _cleared(parent_fd: int, cname: bytes, *, has_iv: bool) -> Iterator[int]:
    """Open a directory in which nothing but its IV is, or ENOTEMPTY.

    It gets its permissions back if what follows fails.
    """
    fd, restore_mode = _open_as_owner(parent_fd, cname)
    try:
        _clear_debris(fd, has_iv=has_iv)
        yield fd
    except BaseException:
        if restore_mode is not None:
            with contextlib.suppress(OSError):
                os.fchmod(fd, restore_mode)
        raise
    finally:
        os.close(fd)


def _remove_cleared(parent_fd: int, cname: bytes, fd: int, *, has_iv: bool) -> None:
    """Remove a directory with its IV: under another name, so that none is seen without."""
    if not has_iv:
        os.rmdir(cname, dir_fd=parent_fd)
        return
    staged, waiting = staging_name(), staging_name()
    os.rename(cname, staged, src_dir_fd=parent_fd, dst_dir_fd=parent_fd)
    moved = False
    try:
        with contextlib.suppress(FileNotFoundError):  # never had one, and is empty
            os.rename(DIR_IV_NAME, waiting, src_dir_fd=fd, dst_dir_fd=parent_fd)
            moved = True
        os.rmdir(staged, dir_fd=parent_fd)
    except BaseException:
        # Somebody else has put something into it a moment ago.
        if moved:
            os.rename(waiting, DIR_IV_NAME, src_dir_fd=parent_fd, dst_dir_fd=fd)
        os.rename(staged, cname, src_dir_fd=parent_fd, dst_dir_fd=parent_fd)
        raise
    if moved:
        with contextlib.suppress(OSError):  # the directory is gone all the same
            os.unlink(waiting, dir_fd=parent_fd)


def _remove_staged(parent_fd: int, staged: bytes) -> None:
    """Remove a directory that nobody sees, with an IV in it or without.

    Where the order of changes is not kept it may hold companions, too, that were removed before.
    """
    fd, _mode = _open_as_owner(parent_fd, staged)
    try:
        _clear_debris(fd, has_iv=True)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(DIR_IV_NAME, dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(staged, dir_fd=parent_fd)


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
        try:
            os.unlink(cname, dir_fd=fd)
        except IsADirectoryError:
            _remove_staged(fd, cname)
