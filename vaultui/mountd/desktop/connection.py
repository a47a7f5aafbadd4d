"""A bus that may not be there, or not for ever: it is looked for again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NoReturn, Protocol

import trio

from vaultui.mountd.console import log
from vaultui.mountd.desktop.bus import Bus, BusError, connected

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
"""A machine without a bus is asked once a minute, which costs a failing connect(2)."""


class User(Protocol):
    """Somebody who needs the bus."""

    async def use(self, bus: Bus) -> None:
        """Use a new connection until it is lost. Whatever it raises, it gets another one then."""

    def lost(self, reason: str) -> None:
        """There is no connection any more, or none yet."""


async def keep(address: Callable[[], str], user: User) -> NoReturn:
    """Connect `user` to the bus at `address`, again whenever the connection is lost."""
    pause = FIRST_PAUSE_S
    while True:
        began = trio.current_time()
        try:
            async with connected(address()) as bus:
                reason = await _serve(bus, user)
        except BusError as error:
            reason = str(error)
        user.lost(reason)
        if trio.current_time() - began > LONGEST_PAUSE_S:
            pause = FIRST_PAUSE_S
        await trio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def _serve(bus: Bus, user: User) -> str:
    """Return why the connection is of no use any more."""
    reason = "the connection was lost"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_listen, bus, nursery.cancel_scope)
        try:
            await user.use(bus)
        except BusError as error:
            reason = str(error)
        except Exception as error:
            # An answer of another shape than agreed: no reason to take the mount away.
            log.error("D-Bus: %s", type(error).__name__, exc_info=error)
            reason = "its answer makes no sense"
        nursery.cancel_scope.cancel()
    return reason


async def _listen(bus: Bus, serving: trio.CancelScope) -> None:
    await bus.listen()
    serving.cancel()
