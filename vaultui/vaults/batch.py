"""Several vaults at once: locked together, put out of sight together, opened with one key.

One that fails does not keep the others from their turn; what became of each is told as it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from vaultui.model.errors import VaultuiError
from vaultui.model.states import VaultState
from vaultui.vaults.outcomes import LockMode, LockOutcome, Unlocked, UnlockOptions

if TYPE_CHECKING:
    from vaultui.vaults.key import Key
    from vaultui.vaults.service import Vaults
    from vaultui.vaults.status import VaultStatus
    from vaultui.vaults.unlocking import StepReport

T = TypeVar("T")


@dataclass(frozen=True)
class Result(Generic[T]):
    """What became of one vault of a batch: a value, or the error that stood in its way."""

    name: str
    value: T | None = None
    error: VaultuiError | None = None


class Batch:
    """Does with several vaults what `Vaults` does with one."""

    def __init__(self, vaults: Vaults) -> None:
        self._vaults = vaults

    async def lockable(self) -> list[str]:
        """Return the names of the vaults that are open, dead, or on the way to open."""
        statuses = await self._vaults.statuses()
        return [status.entry.name for status in statuses if _is_lockable(status)]

    async def lock(
        self,
        names: Iterable[str],
        mode: LockMode = LockMode.POLITE,
        on_result: Callable[[Result[LockOutcome]], None] = lambda _result: None,
        *,
        skip_hooks: bool = False,
    ) -> list[Result[LockOutcome]]:
        """Lock vaults side by side, so that one that is waited for holds up no other.

        Returns the results in the order of `names`; `on_result` gets each as it comes.
        """

        async def lock_one(name: str) -> Result[LockOutcome]:
            try:
                result = Result(name, await self._vaults.lock(name, mode, skip_hooks=skip_hooks))
            except VaultuiError as error:
                result = Result[LockOutcome](name, error=error)
            on_result(result)
            return result

        return await asyncio.gather(*(lock_one(name) for name in dict.fromkeys(names)))

    async def panic(
        self, on_result: Callable[[Result[LockOutcome]], None] = lambda _result: None
    ) -> list[Result[LockOutcome]]:
        """Put every vault out of sight at once, and end whoever holds one; see LockMode.PANIC.

        One that was locked lazily, and still serves who held a file, is ended as well, and so is
        a task that has a vault for itself: its backend has the key of that.
        """
        ending = asyncio.ensure_future(self._end_private(on_result))
        names = [
            status.entry.name
            for status in await self._vaults.statuses()
            if _is_lockable(status) or status.backend_pid is not None
        ]
        return [*await self.lock(names, LockMode.PANIC, on_result), *await ending]

    async def _end_private(
        self, on_result: Callable[[Result[LockOutcome]], None]
    ) -> list[Result[LockOutcome]]:
        """Kill the tasks that have a vault for themselves; return which vaults they had."""
        tasks = [
            task for task in await self._vaults.tasks.listing() if task.live and task.record.private
        ]
        await asyncio.gather(*(self._vaults.tasks.stop(one.task_id, now=True) for one in tasks))
        results = [
            Result(name, LockOutcome(already=False))
            for name in dict.fromkeys(task.record.vault_name for task in tasks)
        ]
        for result in results:
            on_result(result)
        return results

    async def unlock(
        self,
        names: Iterable[str],
        key: Key,
        *,
        options: UnlockOptions | None = None,
        on_step: Callable[[str], StepReport] | None = None,
        on_result: Callable[[Result[Unlocked]], None] = lambda _result: None,
    ) -> list[Result[Unlocked]]:
        """Try one key on several vaults, one after the other, and return what it opened.

        The caller wipes `key`. A mount point can't be shared: `options` must not name one.
        Of the steps of each vault `on_step` is told, made from the name.
        """
        wanted = replace(options or UnlockOptions(), mountpoint=None)
        results = []
        for name in dict.fromkeys(names):
            step = None if on_step is None else on_step(name)
            try:
                opened = await self._vaults.unlock(name, key, options=wanted, on_step=step)
                result = Result(name, opened)
            except VaultuiError as error:
                result = Result[Unlocked](name, error=error)
            on_result(result)
            results.append(result)
        return results


def _is_lockable(status: VaultStatus) -> bool:
    return status.mounted or status.state is VaultState.UNLOCKING
