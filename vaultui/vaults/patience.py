"""Waiting for a lock that the backend makes as soon as nobody uses its vault."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from vaultui.model.errors import VaultuiError
from vaultui.supervisor.controlclient import ControlClient
from vaultui.wire.control import EventKind

ROUND_S = 600.0
"""How long one question waits for its answer. A backend that ends meanwhile ends it too."""


async def lock_when_free(client: ControlClient) -> bool:
    """Have a backend lock, and wait for it; return whether it did, or somebody gave that up.

    Whoever cancels this gives it up as well. Raises as ControlClient does.
    """
    since = (await client.status()).last_event
    if not await client.lock_when_free():
        return True
    try:
        while True:
            events = await client.events(since, ROUND_S)
            for event in events.events:
                if event.kind is EventKind.LOCKED:
                    return True
                if event.kind is EventKind.STAYS_OPEN:
                    return False
                since = event.seq
    except asyncio.CancelledError:
        with suppress(VaultuiError):  # it has just locked
            await client.stay_open()
        raise
