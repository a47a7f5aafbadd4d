"""The use cases about tasks: what runs against a vault is started, listed, followed and stopped.

A task needs nobody of us once it runs: its keeper has all that belongs to it, and its records are
in the runtime directory, for every front end of the same user.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from vaultui.model.errors import SavedTaskUnknown, TaskCommandInvalid
from vaultui.model.language import N_, Phrase
from vaultui.tasks import stopping
from vaultui.tasks.request import TaskRequest
from vaultui.tasks.streams import DETACHED, Streams
from vaultui.vaults.outcomes import UnlockOptions
from vaultui.vaults.status import VaultStatus
from vaultui.vaults.taskoutput import TaskOutput
from vaultui.vaults.taskstatus import TaskStatus, known_tasks, records_of, status_of
from vaultui.vaults.taskvalues import check_task_name, values_of
from vaultui.vaults.waiting import in_thread

if TYPE_CHECKING:
    from vaultui.vaults.key import Key
    from vaultui.vaults.registry import Registry
    from vaultui.vaults.runningtask import RunningTask
    from vaultui.vaults.service import Vaults
    from vaultui.vaults.unlocking import StepReport


class Tasks:
    """The tasks of one user's vaults, those that are saved and those that run or ran."""

    def __init__(self, vaults: Vaults, registry: Registry) -> None:
        self._vaults = vaults
        self._registry = registry

    # -- starting -------------------------------------------------------------------------

    def needs_key(self, status: VaultStatus) -> bool:
        """Return whether a vault has to be opened for a task.

        A private one, too, takes the mount that is there.
        """
        return not status.state.is_open

    async def check(
        self, status: VaultStatus, request: TaskRequest, options: UnlockOptions | None = None
    ) -> None:
        """Raise what `start` would raise before it opens the vault, for those who ask for a key."""
        from vaultui.vaults.taskstart import Start, check

        await check(Start(self._vaults, status, request, options or UnlockOptions()))

    async def start(
        self,
        name: str,
        request: TaskRequest,
        key: Key | None = None,
        *,
        streams: Streams = DETACHED,
        options: UnlockOptions | None = None,
        on_step: StepReport | None = None,
        on_begin: Callable[[], None] | None = None,
        status: VaultStatus | None = None,
    ) -> RunningTask:
        """Start a task, and return when it runs. A locked vault is opened with `key` for it.

        `on_begin` is called just before it may run. `status` is that of the vault, where somebody
        has looked a moment ago: a look takes as long as the rest of a start. The caller wipes the
        key. Raises what `unlock` raises, what is wrong with the request, and TaskCommandNotFound
        or TaskCommandNotExecutable; nothing runs and nothing is left then.
        """
        from vaultui.vaults.taskstart import Start, run

        found = status or await self._vaults.status(name)
        options = options or UnlockOptions()
        start = Start(self._vaults, found, request, options, on_step, on_begin)
        return await run(start, key, streams)

    async def run_on_terminal(
        self, name: str, request: TaskRequest, key: Key | None = None
    ) -> TaskStatus:
        """Run a task on the terminal that we are on, and return how it ended.

        Raises what `start` raises, and TaskLost.
        """
        from vaultui.vaults import terminaltask

        return await terminaltask.run(self._vaults, name, request, key)

    # -- those that run or ran ------------------------------------------------------------

    async def listing(self, name: str | None = None) -> list[TaskStatus]:
        """Return all tasks that are on record, or those of one vault; the newest comes first."""
        vault = None if name is None else self._registry.entry(name).id
        known = await in_thread(known_tasks, self._vaults.paths)
        return [task for task in known if vault in (None, task.record.vault_id)]

    def ids(self) -> frozenset[str]:
        """Return the ids of all tasks on record, so that they need not be listed to see a new
        one."""
        return records_of(self._vaults.paths).ids()

    async def status(self, task_id: str) -> TaskStatus:
        """Return a task by its id, or by how that begins; raises TaskUnknown."""
        return status_of(await in_thread(records_of(self._vaults.paths).find, task_id))

    async def wait(self, task_id: str) -> TaskStatus:
        """Return how a task ended, once it has, and everything of it is put away."""
        task = await self.status(task_id)
        await stopping.until_ended(task.record)
        return await self.status(task.task_id)

    async def stop(
        self, task_id: str, grace_s: float | None = None, *, now: bool = False
    ) -> TaskStatus:
        """End a task with all that it started, and return how it ended.

        It is asked first, and killed after a time: its own, or at most `grace_s` seconds; with
        `now` it is killed at once. One that has ended already is a success.
        """
        task = await self.status(task_id)
        await stopping.stop(task.record, grace_s=grace_s, now=now)
        return await self.status(task.task_id)

    def output(self, task_id: str) -> TaskOutput:
        """Return what a task has written; `task_id` is the whole id."""
        return TaskOutput(self._vaults.paths.tasks_dir / task_id)

    async def clear(self, name: str | None = None) -> int:
        """Forget the tasks that have ended, of one vault or of all; return how many there were."""
        vault = None if name is None else self._registry.entry(name).id
        return await in_thread(records_of(self._vaults.paths).clear, vault)

    # -- those that are saved -------------------------------------------------------------

    def saved(self, name: str) -> Mapping[str, TaskRequest]:
        """Return what is saved to be run against a vault, by its name."""
        entry = self._registry.entry(name)
        return self._registry.settings().tasks.get(entry.id, {})

    def saved_task(self, name: str, task: str) -> TaskRequest:
        """Return a saved task; raises SavedTaskUnknown with the names that are near."""
        saved = self.saved(name)
        if task in saved:
            return saved[task]
        folded = {one.casefold(): one for one in saved}
        near = [folded[one] for one in difflib.get_close_matches(task.casefold(), folded, n=3)]
        similar = Phrase("Did you mean {names}? ", names=", ".join(near)) if near else ""
        raise SavedTaskUnknown(name=name, task=task, similar=similar)

    def save(self, name: str, task: str, request: TaskRequest) -> None:
        """Save a task under a name, in the place of what was saved under it before.

        Raises TaskNameInvalid, TaskCommandInvalid for what the settings file can't hold,
        SettingsNotWritten and SettingsUnsaved.
        """
        check_task_name(task)
        saved = replace(request, saved=task)
        try:
            self._registry.set_task(self._registry.entry(name).id, task, values_of(saved))
        except UnicodeEncodeError as error:
            reason = N_("a word of it is not UTF-8, and the settings file is")
            raise TaskCommandInvalid(reason=reason) from error

    def unsave(self, name: str, task: str) -> None:
        """Take a saved task out of the settings; raises SavedTaskUnknown."""
        self.saved_task(name, task)
        entry = self._registry.entry(name)
        self._registry.set_task(entry.id, task, None)
        self._vaults.automation.drop(entry, task)
