"""Where a container engine listens: what the environment names, or one of the usual sockets.

It is asked who it is, which any engine answers at once; everything else is the runner's.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPConnection, HTTPException
from typing import Final

from vaultui.linux import unixsocket
from vaultui.linux.errnos import reason_of
from vaultui.model.errors import EngineElsewhere, EngineUnreachable
from vaultui.model.language import N_

_VARIABLES: Final = ("DOCKER_HOST", "CONTAINER_HOST")
"""Docker's and Podman's, in this order: either engine speaks the protocol of the first."""
_UNIX: Final = "unix://"
_OF_A_USER: Final = ("podman/podman.sock", "docker.sock")
"""Below the runtime directory. They come first: such an engine may enter the user's vaults."""
_OF_THE_MACHINE: Final = ("/run/podman/podman.sock", "/run/docker.sock")
_ANSWER_S: Final = 5.0
_NO_ENGINE: Final = N_("what listens there is no container engine")
_CREDENTIALS: Final = struct.Struct("iII")
"""struct ucred, unix(7): process, user and group of whoever listens."""


@dataclass(frozen=True)
class EngineAddress:
    path: str
    uid: int
    """The user that the engine runs as."""
    api_version: str
    """The newest of its API, "1.41" for one."""
    is_podman: bool


def find_engine(vault_name: str, environ: Mapping[str, str] = os.environ) -> EngineAddress:
    """Return the engine to use; raises EngineUnreachable, or EngineElsewhere for one of a network.

    One that the environment names is the only one that is looked at.
    """
    for variable in _VARIABLES:
        if named := environ.get(variable):
            if not named.startswith(_UNIX):
                raise EngineElsewhere(where=named, name=vault_name)
            return _asked(named.removeprefix(_UNIX))
    paths = _usual(environ)
    there = [path for path in paths if os.path.exists(path)]
    for path in there:
        try:
            return _asked(path)
        except EngineUnreachable:
            if path == there[-1]:
                raise
    raise EngineUnreachable(where=", ".join(paths), reason=N_("none of these is there"))


def _usual(environ: Mapping[str, str]) -> list[str]:
    runtime = environ.get("XDG_RUNTIME_DIR")
    own = [os.path.join(runtime, name) for name in _OF_A_USER] if runtime else []
    return [*own, *_OF_THE_MACHINE]


def _asked(path: str) -> EngineAddress:
    """Return the engine that answers at `path`; raises EngineUnreachable."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(_ANSWER_S)
        try:
            with unixsocket.address(path) as address:
                connection.connect(address)
            peer = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            headers = _greeting(connection)
        except HTTPException as error:
            raise EngineUnreachable(where=path, reason=_NO_ENGINE) from error
        except OSError as error:
            raise EngineUnreachable(where=path, reason=reason_of(error)) from error
    version = headers.get("Api-Version")
    if version is None:
        raise EngineUnreachable(where=path, reason=_NO_ENGINE)
    uid = _CREDENTIALS.unpack(peer)[1]
    return EngineAddress(path, uid, version, is_podman="Libpod-Api-Version" in headers)


def _greeting(connection: socket.socket) -> Message:
    """Return the headers of the answer to a ping, which tell what answers."""
    conversation = HTTPConnection("localhost")
    conversation.sock = connection
    conversation.request("GET", "/_ping")
    return conversation.getresponse().headers
