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
from vaultui.mountd.desktop.connection import keep
from vaultui.mountd.desktop.logind import Logind
from vaultui.mountd.desktop.notifications import Notifications
from vaultui.mountd.desktop.screensaver import ScreenSaver
from vaultui.wire.autolock import LockOn


async def watch(served: Served, autolock: AutoLock, notices: Notices) -> None:
    """Stay connected to what the mount asked for; returns at once where that is nothing."""
    spec = served.spec
    catalogue.choose(spec.language)
    async with trio.open_nursery() as nursery:
        if spec.lock_on:
            logind = Logind(autolock, spec.lock_on, served.name)
            nursery.start_soon(keep, system_address, logind)
        if LockOn.SCREEN in spec.lock_on:
            nursery.start_soon(keep, session_address, ScreenSaver(autolock))
        if spec.notify:
            tell = functools.partial(served.guards.tell, NOTIFY, NOTIFY)
            notices.board = notifications = Notifications(tell)
            nursery.start_soon(keep, session_address, notifications)
