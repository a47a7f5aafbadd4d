"""The connections to the machine's bus and to the session's, as far as the mount needs them."""

from __future__ import annotations

import functools

import trio

from vaultui.model import catalogue
from vaultui.mountd.control.autolock import AutoLock
from vaultui.mountd.control.guards import NOTIFY
from vaultui.mountd.control.notices import Notices
from vaultui.mountd.control.served import Served
from vaultui.mountd.desktop.bus import session_address, system_address
from vaultui.mountd.desktop.connection import User, keep
from vaultui.mountd.desktop.logind import Logind
from vaultui.mountd.desktop.notifications import Notifications
from vaultui.mountd.desktop.screensaver import ScreenSaver
from vaultui.wire.autolock import LockOn


async def watch(served: Served, autolock: AutoLock, notices: Notices) -> None:
    """Stay connected to what the mount asked for; returns at once where that is nothing."""
    spec = served.spec
    catalogue.choose(spec.language)
    of_machine: list[User] = []
    of_session: list[User] = []
    if spec.lock_on:
        of_machine.append(Logind(autolock, spec.lock_on, served.name))
    if LockOn.SCREEN in spec.lock_on:
        of_session.append(ScreenSaver(autolock))
    if spec.notify:
        tell = functools.partial(served.guards.tell, NOTIFY, NOTIFY)
        notices.board = notifications = Notifications(tell)
        of_session.append(notifications)
    async with trio.open_nursery() as nursery:
        for address, users in ((system_address, of_machine), (session_address, of_session)):
            if users:
                nursery.start_soon(keep, address, users)
