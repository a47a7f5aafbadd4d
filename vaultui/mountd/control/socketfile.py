"""The control socket as a file: bound before the password is asked for, gone at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from typing import Final, Self

from vaultui.linux import unixsocket
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import CtlsockUnavailable

_BACKLOG: Final = 64


class ControlSocket:
    """A listening Unix socket at a path, with mode 0600. Closing it removes the file."""

    def __init__(self, path: str) -> None:
        """Bind and listen; raises CtlsockUnavailable.

        A socket that nobody listens on any more, as a killed process leaves it, is replaced.
        """
        self.path = os.path.abspath(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._bind()
            self._identity = _identity(self.path)
            self.socket.listen(_BACKLOG)
        except OSError as error:
            self.socket.close()
            raise CtlsockUnavailable(path=self.path, reason=reason_of(error)) from error

    def _bind(self) -> None:
        # The mode of a socket file is decided by the umask at bind: a chmod afterwards
        # would leave a moment in which others can connect.
        previous = os.umask(0o177)
        try:
            with unixsocket.address(self.path) as address:
                try:
                    self.socket.bind(address)
                except OSError as error:
                    if error.errno != errno.EADDRINUSE or not _is_abandoned(address):
                        raise
                    os.unlink(self.path)
                    self.socket.bind(address)
        finally:
            os.umask(previous)

    def touch(self) -> None:
        """Change the times of the file, which inotify(7) tells to whoever watches its directory."""
        with contextlib.suppress(OSError):
            os.utime(self.path)

    def close(self) -> None:
        """Stop listening and remove the file, unless another one is there by now."""
        self.socket.close()
        with contextlib.suppress(OSError):
            if _identity(self.path) == self._identity:
                os.unlink(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _identity(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino


def _is_abandoned(path: str) -> bool:
    """Return whether `path` is a socket that refuses connections."""
    if not stat.S_ISSOCK(os.lstat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # A listener whose queue is full must count as alive, not hang us.
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
