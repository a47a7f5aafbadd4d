"""Files that are either the old one or the new one, whole, whatever happens in between."""

from __future__ import annotations

import contextlib
import errno
import os
import re


def write_durably(
    path: str | bytes | os.PathLike[str],
    data: bytes | bytearray | memoryview,
    *,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    exclusive: bool = False,
    dir_fd: int | None = None,
    flush: bool = True,
) -> None:
    """Make `path` a regular file that holds `data`, and return when that is on the disk.

    A reader sees the old content or the new one, never a part; after a crash the same holds,
    and at worst a file called `.NAME.*.tmp` lies beside it. With `exclusive` an existing
    `path` is left alone and FileExistsError is raised. `mode` is exact, whatever the umask.
    `owner`, as (uid, gid), is set where we may; an ordinary user can't give files away.
    A relative `path` starts at `dir_fd` where one is given, as in openat(2). Without `flush` the
    disk is not waited for: for files that mean nothing after the next boot.
    """
    parent, name = os.path.split(os.fsencode(path))
    directory = os.open(parent or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        temporary = _temporary(name)
        try:
            _write_new(temporary, data, mode, directory, owner, flush=flush)
            if exclusive:
                _rename_to_new(temporary, name, directory)
            else:
                os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=directory)
            raise
        if flush:
            os.fsync(directory)
    finally:
        os.close(directory)


def write_beside(
    path: str | bytes | os.PathLike[str],
    data: bytes | bytearray | memoryview,
    *,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
) -> bytes:
    """Write `data` durably beside `path`, under a name that `remove_temporaries` knows.

    Returns the path of the new file; the rest is as in `write_durably`.
    """
    parent, name = os.path.split(os.fsencode(path))
    temporary = _temporary(name)
    directory = os.open(parent or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _write_new(temporary, data, mode, directory, owner)
        os.fsync(directory)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)
        raise
    finally:
        os.close(directory)
    return os.path.join(parent, temporary)


def remove_temporaries(path: str | bytes | os.PathLike[str]) -> None:
    """Remove what killed writers of `path` left beside it; there must be none alive."""
    parent, name = os.path.split(os.fsencode(path))
    temporary = re.compile(rb"\.%b\.[0-9a-f]{12}\.tmp" % re.escape(name[:200]))
    for entry in os.listdir(parent or b"."):
        if temporary.fullmatch(entry):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(parent, entry))


def _temporary(name: bytes) -> bytes:
    # A name of 255 bytes leaves no room, so the temporary one takes its beginning.
    return b".%b.%b.tmp" % (name[:200], os.urandom(6).hex().encode())


def _rename_to_new(temporary: bytes, name: bytes, directory: int) -> None:
    try:
        # A rename would replace; a link refuses, in one step.
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    except PermissionError:
        # A file system without hard links, such as FAT on a stick: link(2) says EPERM. The
        # moment between the question and the rename is the best that is to be had there.
        if name in map(os.fsencode, os.listdir(directory)):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from None
        os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    else:
        os.unlink(temporary, dir_fd=directory)


def _write_new(
    name: bytes,
    data: bytes | bytearray | memoryview,
    mode: int,
    directory: int,
    owner: tuple[int, int] | None,
    *,
    flush: bool = True,
) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(name, flags, 0o600, dir_fd=directory)
    try:
        if owner is not None:
            with contextlib.suppress(PermissionError):
                os.fchown(fd, *owner)
        # After the owner: changing that clears the set-id bits. The file is ours, so a refusal
        # means a file system without modes, such as FAT.
        with contextlib.suppress(PermissionError):
            os.fchmod(fd, mode)
        with memoryview(data) as whole:
            done = 0
            while done < len(whole):
                done += os.write(fd, whole[done:])
        if flush:
            os.fsync(fd)
    finally:
        os.close(fd)
