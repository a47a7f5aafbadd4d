"""The directory in which a volume is being made: found unused, held, and filled.

The directory IV is written first and the config last, so a creation that is killed leaves no
config and so no volume, and nothing that keeps the next one from making it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Iterator
from typing import Final

from vaultui.cipherfs import metadata
from vaultui.cipherfs.metadata import BadDirIv, new_dir_iv, read_dir_iv
from vaultui.format.names import CONF_NAME, DIR_IV_NAME
from vaultui.format.volumeconf import CONF_MODE
from vaultui.linux.durable import remove_temporaries, write_durably
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import (
    CipherdirMissing,
    CipherdirNotAccessible,
    CipherdirNotEmpty,
    InitFailed,
    VolumeConfNotWritten,
)
from vaultui.model.language import N_

_TEMPORARY: Final = re.compile(rb"\.gocryptfs\.(conf|diriv)\.[0-9a-f]{12}\.tmp")
"""What `write_durably` leaves in a new volume when it is killed."""


@contextlib.contextmanager
def alone_in(directory: bytes) -> Iterator[None]:
    """Keep other creations out of `directory`; file systems without locks let them in."""
    shown = os.fsdecode(directory)
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CipherdirNotAccessible(path=shown, reason=reason_of(error)) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InitFailed(path=shown, reason=N_("another program is at work in it")) from error
        except OSError:
            pass
        yield
    finally:
        os.close(fd)


def check_unused(directory: bytes, *, uses_dir_iv: bool) -> None:
    """Raise CipherdirNotEmpty unless `directory` holds no more than a killed creation left."""
    shown = os.fsdecode(directory)
    try:
        for name in sorted(os.listdir(directory)):
            is_ours = _TEMPORARY.fullmatch(name) or (
                uses_dir_iv and name == DIR_IV_NAME and _has_dir_iv(directory)
            )
            if not is_ours:
                raise CipherdirNotEmpty(path=shown, first=os.fsdecode(name))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CipherdirMissing(path=shown) from error
    except OSError as error:
        raise CipherdirNotAccessible(path=shown, reason=reason_of(error)) from error


def _has_dir_iv(directory: bytes) -> bool:
    """Tell whether what has the name of a directory IV is one."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.stat(DIR_IV_NAME, dir_fd=fd, follow_symlinks=False).st_mode):
            return False
        read_dir_iv(fd)
    except BadDirIv:
        return False
    finally:
        os.close(fd)
    return True


def write(directory: bytes, conf_path: bytes, conf: bytes, *, uses_dir_iv: bool) -> None:
    """Write the directory IV, where there is to be one, and then the config.

    An IV that is there stays: with a config elsewhere this may as well be a volume in which
    nothing is yet, and that one needs it as it is. Raises CipherdirNotEmpty where another
    program was faster, InitFailed, and VolumeConfNotWritten; nothing of ours is left then.
    """
    shown = os.fsdecode(directory)
    dir_iv_path = os.path.join(directory, DIR_IV_NAME)
    with contextlib.ExitStack() as undo:
        try:
            remove_temporaries(dir_iv_path)
            remove_temporaries(os.path.join(directory, CONF_NAME))
            if uses_dir_iv and not os.path.lexists(dir_iv_path):
                _write_new(dir_iv_path, new_dir_iv(), metadata.MODE)
                undo.callback(_remove, dir_iv_path)
        except FileExistsError as error:
            raise CipherdirNotEmpty(path=shown, first=os.fsdecode(DIR_IV_NAME)) from error
        except OSError as error:
            raise InitFailed(path=shown, reason=reason_of(error)) from error
        try:
            _write_new(conf_path, conf, CONF_MODE)
        except FileExistsError as error:
            raise CipherdirNotEmpty(path=shown, first=os.fsdecode(conf_path)) from error
        except OSError as error:
            raise VolumeConfNotWritten(
                path=os.fsdecode(conf_path), reason=reason_of(error)
            ) from error
        undo.pop_all()


def _write_new(path: bytes, data: bytes, mode: int) -> None:
    try:
        write_durably(path, data, mode=mode, exclusive=True)
    except FileExistsError:
        raise
    except BaseException:
        # It may have its name already, where only the last fsync failed.
        _remove(path)
        raise


def _remove(path: bytes) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
