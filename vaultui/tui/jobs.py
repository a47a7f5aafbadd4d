"""Work that takes longer than a key press: unlocking, waiting to lock, creating.

Jobs belong to the application, not to the screen that started them: a dialog that is closed
or covered does not end them. One vault has at most one job.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from vaultui.model.ids import VaultId
from vaultui.model.language import N_
from vaultui.model.states import VaultState
from vaultui.vaults import VaultEntry


class JobKind(Enum):
    """The value is the word for it, for `_`; `state` is what the vault shows meanwhile."""

    UNLOCK = N_("unlocking")
    LOCK = N_("locking")
    WAIT = N_("waiting to lock")

    @property
    def state(self) -> VaultState:
        return VaultState.UNLOCKING if self is JobKind.UNLOCK else VaultState.LOCKING


@dataclass(frozen=True)
class StepTime:
    """One step of a job and when it began, in seconds of the application's clock."""

    text: str
    began: float


@dataclass
class Job:
    """One piece of work; `result` waits for it and survives the waiter's end."""

    entry: VaultEntry
    kind: JobKind
    began: float
    steps: list[StepTime] = field(default_factory=list)
    task: asyncio.Task[Any] | None = None
    attended: bool = False
    """True while a dialog shows the job and will tell how it ended."""

    @property
    def done(self) -> bool:
        return self.task is not None and self.task.done()

    async def result(self) -> Any:
        """Return what the work returned or raise what it raised.

        Cancelling the waiter leaves the work alone.
        """
        assert self.task is not None
        return await asyncio.shield(self.task)


class Jobs:
    """The jobs of one application; `changed` is called when one starts or ends."""

    def __init__(self, clock: Callable[[], float], changed: Callable[[Job], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._jobs: dict[VaultId, Job] = {}

    def of(self, vault: VaultId) -> Job | None:
        """Return the job of a vault that is under way, or None."""
        job = self._jobs.get(vault)
        return None if job is None or job.done else job

    def start(self, entry: VaultEntry, kind: JobKind, work: Callable[[Job], Awaitable[Any]]) -> Job:
        """Start `work`; whoever asks first looks with `of` whether the vault is free."""
        assert self.of(entry.id) is None, f"{entry.id} has a job already"
        job = Job(entry, kind, self._clock())

        async def run() -> Any:
            return await work(job)

        job.task = asyncio.create_task(run(), name=kind.value)
        job.task.add_done_callback(partial(self._ended, job))
        self._jobs[entry.id] = job
        self._changed(job)
        return job

    def _ended(self, job: Job, task: asyncio.Task[Any]) -> None:
        # Looking at the outcome here keeps asyncio from reporting a failure as never seen:
        # the work itself has told the person, or a dialog does.
        if not task.cancelled():
            task.exception()
        self._changed(job)

    def step(self, job: Job, text: str) -> None:
        """Note that `job` has come to the next step."""
        job.steps.append(StepTime(text, self._clock()))
        self._changed(job)

    async def cancel(self, job: Job) -> None:
        """End a job and wait until what it started is gone."""
        assert job.task is not None
        job.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await asyncio.wait([job.task])

    async def close(self) -> None:
        """End every job; open vaults stay open."""
        for job in list(self._jobs.values()):
            if not job.done:
                await self.cancel(job)
