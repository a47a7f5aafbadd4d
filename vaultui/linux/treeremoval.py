"""Removing a directory with all that is in it, and nothing that is elsewhere.

No link is followed, and what is mounted on something in the tree stays as it is, with the
directories above it: the files of a mount are not those of the tree. Neither can be put in the
way later, since everything is done by descriptors.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: str | os.PathLike[str]) -> None:
    """Remove a directory, or what else is there; nothing happens where there is nothing.

    Raises the first OSError after everything was tried: EBUSY for what something is mounted on.
    """
    parent, name = os.path.split(os.path.normpath(path))
    try:
        directory = os.open(parent or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        failure = _remove(name, directory, _mount_of(directory))
    finally:
        os.close(directory)
    if failure is not None:
        raise failure


def _remove(name: str, parent: int, mount: bytes) -> OSError | None:
    """Remove one entry of `parent`; return what stood in the way."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return None
    except (IsADirectoryError, PermissionError) as error:
        # POSIX lets unlink(2) answer EPERM for a directory.
        if not _is_directory(name, parent):
            return error
    except OSError as error:
        return error
    else:
        return None
    try:
        failure = _empty(name, parent, mount)
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return None
    except OSError as error:
        # What kept an entry says more than that the directory is not empty.
        return (failure or error) if error.errno == errno.ENOTEMPTY else error
    return failure


def _empty(name: str, parent: int, mount: bytes) -> OSError | None:
    directory = _open(name, parent)
    try:
        if _mount_of(directory) != mount:
            return OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)
        failure = None
        for entry in os.listdir(directory):
            failure = _remove(entry, directory, mount) or failure
        return failure
    finally:
        os.close(directory)


def _open(name: str, parent: int) -> int:
    """Open a directory, also one that its owner may not enter."""
    try:
        directory = os.open(name, _FLAGS, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        directory = os.open(name, _FLAGS, dir_fd=parent)
    mode = os.fstat(directory).st_mode
    if mode & stat.S_IRWXU != stat.S_IRWXU:
        # Entries go from a directory that may be written and entered.
        os.fchmod(directory, 0o700)
    return directory


def _is_directory(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _mount_of(descriptor: int) -> bytes:
    """Return which mount a descriptor is on: proc_pid_fdinfo(5). A bind mount is one, too."""
    for line in Path(f"/proc/self/fdinfo/{descriptor}").read_bytes().splitlines():
        name, _colon, number = line.partition(b":")
        if name == b"mnt_id":
            return number.strip()
    raise OSError(errno.ENOSYS, "/proc/self/fdinfo has no mnt_id")
