"""Where an OCI runtime hands over the terminal that it made for a container."""

from __future__ import annotations

import os
import socket
from typing import Final, Self

from vaultui.linux.unixsocket import address
from vaultui.model.errors import ContainerNotCreated
from vaultui.model.language import N_

_NAME_BYTES: Final = 1 << 12
"""Of what comes along with a terminal: its path in the container."""


class ConsoleSocket:
    """Listens at `path`, for one terminal; nobody else may connect to it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with address(path) as short:
            self._socket.bind(short)
        os.chmod(path, 0o600)
        self._socket.listen(1)
        # The runtime has handed it over by the time that it has ended.
        self._socket.setblocking(False)

    def terminal(self, maker: str) -> int:
        """Return the descriptor of the terminal's own side; raises ContainerNotCreated."""
        try:
            connection, _ = self._socket.accept()
            with connection:
                connection.setblocking(False)
                _, descriptors, _, _ = socket.recv_fds(
                    connection, _NAME_BYTES, 1, socket.MSG_CMSG_CLOEXEC
                )
        except BlockingIOError:
            descriptors = []
        if not descriptors:
            reason = N_("it handed over no terminal")
            raise ContainerNotCreated(maker=maker, reason=reason)
        return descriptors[0]

    def close(self) -> None:
        self._socket.close()
        os.unlink(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
