"""Telling the service manager that started us how we are: sd_notify(3), which is one datagram."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from vaultui.linux import unixsocket


def tell(*lines: str) -> None:
    """Send lines such as READY=1; nothing happens where no service manager wants them."""
    place = os.environ.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    message = "\n".join(line.replace("\n", " ") for line in lines).encode(errors="replace")
    with (
        suppress(OSError),  # it has gone meanwhile, and misses nothing
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection,
    ):
        if place.startswith("@"):
            connection.sendto(message, "\0" + place[1:])
        else:
            with unixsocket.address(place) as address:
                connection.sendto(message, address)
