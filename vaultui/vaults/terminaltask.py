"""A task on the terminal that we are on, from its start to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vaultui.model.errors import TaskLost
from vaultui.supervisor.interruption import uninterrupted
from vaultui.tasks.request import TaskRequest
from vaultui.tasks.streams import Streams
from vaultui.vaults.key import Key
from vaultui.vaults.outcomes import UnlockOptions
from vaultui.vaults.taskstatus import TaskStatus
from vaultui.vaults.terminalrelay import TerminalRelay
from vaultui.vaults.unlocking import StepReport

if TYPE_CHECKING:
    from vaultui.vaults.service import Vaults


async def run(
    vaults: Vaults,
    name: str,
    request: TaskRequest,
    key: Key | None,
    *,
    options: UnlockOptions | None = None,
    on_step: StepReport | None = None,
    on_open: Callable[[], None] = lambda: None,
) -> TaskStatus:
    """Run a task that wants a terminal, and return how it ended.

    `on_open` is called when it is about to be seen. Raises what starting a task raises, and
    TaskLost. Cancelling it stops the task.
    """
    with TerminalRelay() as relay:
        task = await vaults.tasks.start(
            name,
            request,
            key,
            streams=Streams(terminal=relay.theirs),
            options=options,
            on_step=on_step,
        )
        relay.handed_over()
        on_open()
        try:
            await relay.until_closed()
        except BaseException:
            task.stop()
            await uninterrupted(task.ended())
            raise
        status = await task.ended()
    if status.end is None:
        raise TaskLost(task=status.record.title)
    return status
