"""A bus that may not be there, or not for ever: it is looked for again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        """Use a new connection until it is lost. Whatever it raises, it is called again then."""

    def lost(self, reason: str) -> None:
        """There is no connection any more, or none yet."""


async def keep(address: Callable[[], str], users: Sequence[User]) -> NoReturn:
    """Connect `users` to the bus at `address`, again whenever the connection is lost."""
    pause = FIRST_PAUSE_S
    while True:
        reason = "the connection was lost"
        try:
            async with connected(address()) as bus:
                pause = FIRST_PAUSE_S
                await _serve(bus, users)
        except BusError as error:
            reason = str(error)
        for user in users:
            user.lost(reason)
        await trio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)


async def _serve(bus: Bus, users: Sequence[User]) -> None:
    """Return when the connection is lost."""
    async with trio.open_nursery() as nursery:
        for user in users:
            nursery.start_soon(_use, bus, user)
        await bus.listen()
        nursery.cancel_scope.cancel()


async def _use(bus: Bus, user: User) -> None:
    pause = FIRST_PAUSE_S
    while True:
        try:
            await user.use(bus)
        except BusError as error:
            user.lost(str(error))
        except Exception as error:
            # An answer of another shape than agreed: no reason to take the mount away.
            log.error("D-Bus: %s", type(error).__name__, exc_info=error)
            user.lost("its answer makes no sense")
        await trio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
