"""A task that was started here, as long as somebody here waits for it."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Final

from vaultui.linux import process
from vaultui.model.errors import VaultuiError
from vaultui.supervisor.controlclient import ControlClient
from vaultui.supervisor.watched import WatchedProcess
from vaultui.tasks.records import look
from vaultui.tasks.running import RunningTask as TaskProcess
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.taskstatus import TaskStatus, status_of
from vaultui.wire.tasks import TaskRecord, TaskState

if TYPE_CHECKING:
    from vaultui.vaults.service import Vaults

_LOCKING_S: Final = 10.0
_LOOK_S: Final = 0.5
"""Between two looks at whether a vault is still about to lock itself."""


class RunningTask:
    """It goes on without us, too; `ended` is for those who wait, and whoever else may ask."""

    def __init__(
        self, vaults: Vaults, vault: VaultStatus, task: TaskProcess, *, temporary: bool
    ) -> None:
        self._vaults = vaults
        self._vault = vault
        self._task = task
        self.temporary = temporary
        """The vault locks itself when this task, and any other, has ended."""

    @property
    def task_id(self) -> str:
        return self._task.task_id

    @property
    def record(self) -> TaskRecord:
        return self._task.record

    async def ended(self) -> TaskStatus:
        """Return how it ended, once it has, and everything of it is put away."""
        end = await self._task.wait()
        known = look(self._task.directory)
        if known is None:  # somebody has cleared the records meanwhile
            state = TaskState.LOST if end is None else TaskState.ENDED
            return TaskStatus(self.record, state, end)
        return status_of(known)

    def interrupt(self) -> None:
        """Send what Ctrl-C sends, to all of its group."""
        self._task.send_signal(signal.SIGINT)

    def stop(self) -> None:
        """Ask it to end; what goes on after its grace is killed."""
        self._signal_keeper(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it now, with all that it started."""
        self._signal_keeper(signal.SIGQUIT)

    def _signal_keeper(self, number: int) -> None:
        with WatchedProcess(self.record.keeper_pid, self.record.keeper_start) as keeper:
            keeper.send_signal(number)

    async def locked_again(self) -> bool:
        """Return True when a temporary vault has locked itself, after the end of the task.

        False where it does not, because somebody else needs it or uses it.
        """
        pid = self._vault.backend_pid
        assert pid is not None
        try:
            start = process.start_time(pid)
        except ProcessLookupError:
            return True
        with WatchedProcess(pid, start) as backend:
            for _ in range(round(_LOCKING_S / _LOOK_S)):
                if await backend.wait(_LOOK_S):
                    return True
                if await self._is_used():
                    return False
        return False

    async def _is_used(self) -> bool:
        client = ControlClient(self._vaults.paths.socket(self._vault.entry.id))
        try:
            async with asyncio.timeout(_LOOK_S):
                status = await client.status()
        except (TimeoutError, VaultuiError):  # it may be on its way out
            return False
        return bool(status.holds) or bool(status.waits_to_lock) or not status.temporary
