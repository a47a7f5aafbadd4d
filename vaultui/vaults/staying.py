"""Waiting until an open vault is locked, by whomever."""

from __future__ import annotations

import os
import select
from contextlib import ExitStack
from typing import TYPE_CHECKING

from vaultui.linux import process
from vaultui.model.errors import BackendDied
from vaultui.model.states import VaultState
from vaultui.supervisor.exits import explain_exit
from vaultui.vaults.waiting import readable

if TYPE_CHECKING:
    from vaultui.vaults.service import Vaults


async def until_locked(vaults: Vaults, name: str) -> None:
    """Return when a vault is locked; raises BackendDied where its backend was killed."""
    with vaults.watch() as changes:
        while True:
            changes.consume()
            status = await vaults.status(name)
            if status.state is VaultState.BROKEN:
                raise BackendDied(
                    name=name, exit=explain_exit(status.exit), raw="\n".join(status.log_lines)
                )
            if not status.mounted and status.backend_pid is None:
                return
            await _changed(changes.fileno(), status.backend_pid)


async def _changed(changes: int, backend: int | None) -> None:
    """Return when a descriptor is readable, or a backend has ended."""
    with select.epoll() as either, ExitStack() as stack:
        either.register(changes, select.EPOLLIN)
        if backend is not None:
            try:
                pidfd = process.open_pidfd(backend)
            except ProcessLookupError:
                return
            stack.callback(os.close, pidfd)
            either.register(pidfd, select.EPOLLIN)
        await readable(either.fileno())
