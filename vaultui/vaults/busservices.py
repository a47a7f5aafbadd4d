"""Which services are there on the D-Bus of the machine and on that of the session, for `doctor`."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Final

_CALL_S: Final = 2.0


def system_bus() -> str:
    """Return where the machine's bus is, as the D-Bus specification has it."""
    return os.environ.get("DBUS_SYSTEM_BUS_ADDRESS") or "unix:path=/run/dbus/system_bus_socket"


def services(address: str, names: Collection[str]) -> set[str]:
    """Return those of `names` that are on a bus, or would be started for a call.

    Raises OSError where the bus is not there, or does not answer in time. Blocks for so long.
    """
    # Late: D-Bus is needed for nothing else that a person waits for.
    from jeepney import DBusErrorResponse, message_bus
    from jeepney.io.blocking import open_dbus_connection

    try:
        with open_dbus_connection(bus=address) as connection:
            found: set[str] = set()
            for question in (message_bus.ListNames(), message_bus.ListActivatableNames()):
                reply = connection.send_and_get_reply(question, timeout=_CALL_S)
                found |= set(reply.body[0]) & set(names)
            return found
    except (TimeoutError, DBusErrorResponse, RuntimeError, ValueError) as error:
        raise OSError(0, str(error)) from error
