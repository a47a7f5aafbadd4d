"""The tasks of the stand-in's vaults, which run for as long as a test lets them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vaultui.model.errors import SavedTaskUnknown, TaskUnknown, VaultuiError
from vaultui.vaults import (
    Driver,
    ExitState,
    Key,
    StepName,
    TaskRequest,
    TaskState,
    TaskStatus,
    VaultStatus,
    check_name,
)
from vaultui.wire.taskend import TaskEnd
from vaultui.wire.tasks import TaskRecord

if TYPE_CHECKING:
    from standin import StandIn

LAUNCHED = 1_700_000_000.0 - 200


class StandInOutput:
    """What a task has written, as a test has it."""

    def __init__(self, output: list[str], errors: list[str]) -> None:
        self._written = (output, errors)

    def version(self) -> tuple[int, ...]:
        return tuple(map(len, self._written))

    async def tail(self, lines: int) -> tuple[list[str], list[str]]:
        output, errors = self._written
        return output[-lines:], errors[-lines:]


class StandInTasks:
    """What the application needs of `Vaults.tasks`."""

    def __init__(self, vaults: StandIn) -> None:
        self._vaults = vaults
        self._saved: dict[str, dict[str, TaskRequest]] = {}
        self._tasks: dict[str, TaskStatus] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self.started: list[tuple[str, TaskRequest]] = []
        """Which vault, and what."""
        self.lines: dict[str, list[str]] = {}
        """The output of each task."""
        self.errors: dict[str, list[str]] = {}

    # -- for tests --------------------------------------------------------------------------

    def put(
        self, name: str, title: str, *lines: str, code: int | None = None, **changes: Any
    ) -> str:
        """Have a task run against a vault, or with a `code` have one that has ended with it."""
        task_id = f"{len(self._tasks) + 1:08x}"
        record = TaskRecord(
            task_id=task_id,
            title=title,
            vault_id=self._vaults.entry(name).id,
            vault_name=name,
            driver=Driver.COMMAND,
            argv=(title,),
            launched_at=LAUNCHED + len(self._tasks),
        )
        record = dataclasses.replace(record, **changes)
        self._tasks[task_id] = TaskStatus(record, TaskState.RUNNING)
        self._ends[task_id] = asyncio.Event()
        self.lines[task_id], self.errors[task_id] = list(lines), []
        if code is not None:
            self.end(task_id, code)
        return task_id

    def end(
        self,
        task_id: str,
        code: int | None = 0,
        *,
        failure: VaultuiError | None = None,
        **how: Any,
    ) -> None:
        """Have a task end, with an exit code or with None by SIGKILL."""
        task = self._tasks[task_id]
        began = task.record.launched_at
        number = 9 if code is None else None
        state = ExitState(7, code, number, False, False, began, began + 83, 0.1, 0.1, 4096)
        self._tasks[task_id] = TaskStatus(
            task.record, TaskState.ENDED, TaskEnd(state, **how), failure
        )
        self._ends[task_id].set()

    # -- as the real ones have it -----------------------------------------------------------

    def needs_key(self, status: VaultStatus) -> bool:
        return not status.mounted

    async def start(
        self,
        name: str,
        request: TaskRequest,
        key: Key | None,
        *,
        on_step: Callable[[StepName, str], None] = lambda _name, _words: None,
    ) -> TaskStatus:
        self._vaults.fail()
        if key is not None:
            on_step(StepName.DERIVING, "Deriving key")
            await self._vaults.keys.verify(name, key)
        self.started.append((name, request))
        task_id = self.put(
            name,
            request.name,
            driver=request.driver,
            argv=request.command,
            private=request.private,
            read_only=request.read_only,
            saved=bool(request.saved),
        )
        return self._tasks[task_id]

    async def listing(self, name: str | None = None) -> list[TaskStatus]:
        newest_first = reversed(self._tasks.values())
        return [task for task in newest_first if name in {None, task.record.vault_name}]

    def ids(self) -> frozenset[str]:
        return frozenset(self._tasks)

    async def wait(self, task_id: str) -> TaskStatus:
        await self._ends[self._known(task_id)].wait()
        return self._tasks[task_id]

    async def stop(self, task_id: str, *, now: bool = False) -> TaskStatus:
        self._vaults.calls.append(f"stop {task_id}{' now' if now else ''}")
        self.end(self._known(task_id), None, stopped=True)
        return self._tasks[task_id]

    async def clear(self, name: str | None = None) -> int:
        gone = [task.task_id for task in await self.listing(name) if not task.live]
        for task_id in gone:
            del self._tasks[task_id]
        return len(gone)

    def _known(self, task_id: str) -> str:
        if task_id not in self._tasks:
            raise TaskUnknown(task=task_id)
        return task_id

    def output(self, task_id: str) -> StandInOutput:
        return StandInOutput(self.lines[self._known(task_id)], self.errors[task_id])

    # -- those that are saved ---------------------------------------------------------------

    def saved(self, name: str) -> dict[str, TaskRequest]:
        self._vaults.entry(name)
        return dict(self._saved.get(name, {}))

    def save(self, name: str, task: str, request: TaskRequest) -> None:
        self._vaults.fail()
        check_name(task)
        saved = self._saved.setdefault(name, {})
        saved[task] = dataclasses.replace(request, saved=task)

    def unsave(self, name: str, task: str) -> None:
        if task not in self._saved.get(name, {}):
            raise SavedTaskUnknown(name=name, task=task)
        del self._saved[name][task]
