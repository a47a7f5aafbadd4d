"""The volume config as a file: found, read, locked, and replaced by another.

A replacement is one rename, of a file that is on the disk already. Whoever is killed before it
leaves the old config, and after it the new one. Until the new one was read back the old one lies
beside it, under the name of a temporary file; such files the next replacement and the next mount
for writing remove, when the config has been opened.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from typing import Final

from vaultui.format import volumeconf
from vaultui.format.names import CONF_NAME, REVERSE_CONF_NAME
from vaultui.format.volumeconf import CONF_MODE, VolumeConf
from vaultui.linux.durable import remove_temporaries, write_beside, write_durably
from vaultui.linux.errnos import os_error, reason_of
from vaultui.model.errors import (
    CipherdirMissing,
    VolumeConfCopyExists,
    VolumeConfMissing,
    VolumeConfNotWritten,
    VolumeConfOfOtherMode,
    VolumeConfUnreadable,
)
from vaultui.model.language import N_
from vaultui.model.records import record

_COPY_SUFFIX: Final = b".bak"
PATIENCE_S: Final = 120.0
"""How long somebody else may be at the config: the dearest keys take a minute or two to derive."""

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]


@record(frozen=True)
class ConfFile:
    """A config as it lies on disk."""

    path: bytes
    data: bytes
    conf: VolumeConf
    owner: tuple[int, int]
    """The user and group that the file belongs to."""


def locate(cipherdir: Path, config_path: Path | None, *, reverse: bool) -> bytes:
    """Return the path of the config: `config_path`, or where `cipherdir` has its own.

    Raises CipherdirMissing: a directory that is not there is another mistake than one
    without a config.
    """
    directory = os.fsencode(cipherdir)
    if not os.path.isdir(directory):
        raise CipherdirMissing(path=os.fsdecode(directory))
    if config_path:
        return os.fsencode(config_path)
    return os.path.join(directory, REVERSE_CONF_NAME if reverse else CONF_NAME)


def locate_file(cipherdir: Path, config_path: Path | None, *, reverse: bool) -> bytes:
    """Return as `locate`, with links followed: to replace the link would leave the config.

    Raises VolumeConfNotWritten too, for a pipe or a device: those can be read alone.
    """
    path = locate(cipherdir, config_path, reverse=reverse)
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise VolumeConfNotWritten(path=os.fsdecode(path), reason=N_("it is not a regular file"))
    return os.path.realpath(path)


def read(path: bytes) -> ConfFile:
    """Return the config at `path`, which may be a pipe that somebody writes into.

    Raises VolumeConfMissing, VolumeConfOfOtherMode, VolumeConfUnreadable, VolumeConfCorrupt or
    VolumeConfUnsupported.
    """
    shown = os.fsdecode(path)
    try:
        # A FIFO without a writer, in a cipher directory on a stick for instance, must not hang us.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            os.set_blocking(fd, True)
            data = _read_bounded(fd, volumeconf.MAX_CONF_BYTES + 1)
            status = os.fstat(fd)
        finally:
            os.close(fd)
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        raise VolumeConfUnreadable(path=shown, reason=reason_of(error)) from error
    conf = volumeconf.parse(data, shown)
    return ConfFile(path, data, conf, (status.st_uid, status.st_gid))


def _missing(path: bytes) -> VolumeConfMissing:
    """Return what to tell of a config that is not at `path`, by the one that may be beside it."""
    directory, name = os.path.split(path)
    shown = os.fsdecode(path)
    if name == CONF_NAME and os.path.exists(os.path.join(directory, REVERSE_CONF_NAME)):
        return VolumeConfOfOtherMode(path=shown, how="with")
    if name == REVERSE_CONF_NAME and os.path.exists(os.path.join(directory, CONF_NAME)):
        return VolumeConfOfOtherMode(path=shown, how="without")
    return VolumeConfMissing(path=shown)


def _read_bounded(fd: int, limit: int) -> bytes:
    """Return what `fd` gives up to its end or `limit` bytes: it may be a pipe, or endless."""
    data = b""
    while len(data) < limit and (piece := os.read(fd, limit - len(data))):
        data += piece
    return data


@contextlib.contextmanager
def locked(path: bytes) -> Iterator[None]:
    """Hold the config at `path` for a replacement, after others who are at it.

    Raises VolumeConfNotWritten where one of them does not come to an end. A config that cannot
    be opened is held by nobody; reading it will say why. Where the file system knows no locks
    there are none.
    """
    with contextlib.ExitStack() as held:
        while True:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                break
            held.callback(os.close, fd)
            try:
                is_ours = _lock(fd)
                is_there = os.path.samestat(os.fstat(fd), os.stat(path))
            except OSError:
                break
            if not is_ours:
                reason = "another process has it locked"
                raise VolumeConfNotWritten(path=os.fsdecode(path), reason=reason)
            if is_there:
                break
            # The one before us has replaced the file: the lock is on the old one.
            held.close()
        yield


def _lock(fd: int) -> bool:
    """Lock a file for ourselves; False where nobody let go of it in time.

    flock(2) has no time-out, so a thread waits, and is left behind with a lock that ends with
    the descriptor.
    """
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    waiting = threading.Thread(target=fcntl.flock, args=(fd, fcntl.LOCK_EX), daemon=True)
    waiting.start()
    waiting.join(PATIENCE_S)
    return not waiting.is_alive()


def replace(file: ConfFile, data: bytes) -> None:
    """Put `data`, which the caller has opened, in the place of `file`, which it has locked.

    Raises VolumeConfNotWritten with the old config in place.
    """
    kept = b""
    try:
        remove_temporaries(file.path)
        kept = write_beside(file.path, file.data, mode=CONF_MODE, owner=file.owner)
        write_durably(file.path, data, mode=CONF_MODE, owner=file.owner)
        if _read_back(file.path) != data:
            raise os_error(errno.EIO)
    except OSError as error:
        # The failure may have come after the rename, from the fsync of the directory: then the
        # old one goes back. Where it came before, this fails too, and has nothing to do.
        with contextlib.suppress(OSError):
            write_durably(file.path, file.data, mode=CONF_MODE, owner=file.owner)
        raise VolumeConfNotWritten(path=os.fsdecode(file.path), reason=reason_of(error)) from error
    finally:
        if kept:
            with contextlib.suppress(OSError):
                os.unlink(kept)


def _read_back(path: bytes) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _read_bounded(fd, volumeconf.MAX_CONF_BYTES + 1)
    finally:
        os.close(fd)


def check_no_copy(path: bytes) -> None:
    """Raise VolumeConfCopyExists where `keep_copy` of the config at `path` would."""
    if os.path.lexists(path + _COPY_SUFFIX):
        raise VolumeConfCopyExists(path=os.fsdecode(path + _COPY_SUFFIX))


def keep_copy(file: ConfFile) -> bytes:
    """Keep `file` as it is under a second name beside it, and return that name.

    Raises VolumeConfCopyExists when there is such a copy already, of an earlier config perhaps,
    and VolumeConfNotWritten.
    """
    path = file.path + _COPY_SUFFIX
    try:
        write_durably(path, file.data, mode=CONF_MODE, owner=file.owner, exclusive=True)
    except FileExistsError as error:
        raise VolumeConfCopyExists(path=os.fsdecode(path)) from error
    except OSError as error:
        raise VolumeConfNotWritten(path=os.fsdecode(path), reason=reason_of(error)) from error
    return path


def remove_leftovers(cipherdir: Path) -> None:
    """Remove what a killed replacement of the config in `cipherdir` left beside it.

    It does nothing while somebody is at the config, and where we may not write.
    """
    path = os.path.join(os.fsencode(cipherdir), CONF_NAME)
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_temporaries(path)
        finally:
            os.close(fd)
