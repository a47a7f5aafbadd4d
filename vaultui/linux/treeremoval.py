"""Removing a directory with all that is in it, and nothing that is elsewhere.

No link is followed, and what is mounted on something in the tree stays as it is, with the
directories above it: the files of a mount are not those of the tree. Neither can be put in the
way later, since everything is done by descriptors.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove_tree(path: str | os.PathLike[str]) -> None:
    """Remove a directory, or what else is there; nothing happens where there is nothing.

    However deep it is, since whoever made it may mean no good. Raises the first OSError after
    everything was tried: EBUSY for what something is mounted on.
    """
    parent, name = os.path.split(os.path.normpath(path))
    try:
        directory = os.open(parent or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    removal = _Removal(directory, name)
    try:
        removal.carry_out()
    finally:
        removal.close()
    if removal.failure is not None:
        raise removal.failure


@dataclass
class _Level:
    """A directory above the one that is emptied."""

    identity: tuple[int, int]
    left: list[str]
    """Of its entries, those that are still to be removed."""
    below: str
    """The entry that is emptied."""


class _Removal:
    """One directory is open at a time, and none is visited by recursion: a program that is meant
    to be a nuisance makes a tree of any depth."""

    def __init__(self, directory: int, name: str) -> None:
        """Take over a descriptor of the directory that has the entry `name`."""
        self._directory = directory
        self._mount = _mount_of(directory)
        self._left = [name]
        self._above: list[_Level] = []
        self.failure: OSError | None = None

    def carry_out(self) -> None:
        while self._left or self._above:
            try:
                if self._left:
                    self._remove(self._left.pop())
                else:
                    self._leave()
            except FileNotFoundError:
                continue
            except OSError as error:
                self.failure = self.failure or error

    def close(self) -> None:
        os.close(self._directory)

    def _remove(self, name: str) -> None:
        """Remove an entry that is no directory, or go on in the directory that it is."""
        try:
            os.unlink(name, dir_fd=self._directory)
        except (IsADirectoryError, PermissionError):
            # POSIX lets unlink(2) answer EPERM for a directory.
            if not _is_directory(name, self._directory):
                raise
            self._enter(name)

    def _enter(self, name: str) -> None:
        below = _open(name, self._directory)
        try:
            if _mount_of(below) != self._mount:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), name)
            entries = os.listdir(below)
        except BaseException:
            os.close(below)
            raise
        self._above.append(_Level(_identity(self._directory), self._left, name))
        os.close(self._directory)
        self._directory, self._left = below, entries

    def _leave(self) -> None:
        """Go back to the directory above, and remove the one that was emptied."""
        level = self._above.pop()
        above = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._directory)
        os.close(self._directory)
        self._directory, self._left = above, level.left
        if _identity(above) != level.identity:
            # It was moved meanwhile. What is here is nothing that we were asked for.
            self._left, self._above = [], []
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), level.below)
        try:
            os.rmdir(level.below, dir_fd=above)
        except OSError as error:
            # What kept an entry says more than that the directory is not empty.
            if error.errno != errno.ENOTEMPTY or self.failure is None:
                raise


def _identity(directory: int) -> tuple[int, int]:
    status = os.fstat(directory)
    return status.st_dev, status.st_ino


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
