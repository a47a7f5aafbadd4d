"""What the screens show: the newest states of all vaults, kept fresh.

A change of the mount table or the registry shows at once, through the watch's descriptor.
Countdowns and counters need a clock as well: a second while the terminal is in front, five
when it is not.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from vaultui.model.errors import VaultuiError
from vaultui.model.ids import VaultId
from vaultui.tui.history import History
from vaultui.tui.jobs import Jobs
from vaultui.vaults import VaultStatus

if TYPE_CHECKING:
    from vaultui.vaults import Vaults

BLURRED_S = 5.0
"""How often open vaults are looked at behind other windows."""
LOOK_S = 5.0
"""How often more is looked at than counters: the watch tells of all that changes otherwise, but
of a drive that has stopped to answer."""


class LiveVaults:
    """The states of one application's vaults. `publish` is called after each change."""

    def __init__(
        self, vaults: Vaults, jobs: Jobs, clock: Callable[[], float], publish: Callable[[], None]
    ) -> None:
        self._vaults = vaults
        self._jobs = jobs
        self._clock = clock
        self._publish = publish
        self._statuses: tuple[VaultStatus, ...] = ()
        self._histories: dict[VaultId, History] = {}
        self._under_way = False
        self._again = False
        self._refreshed_at = 0.0
        self._looked_at = 0.0
        self.interval_s = 1.0
        """How often open vaults are looked at in front of the person."""
        self.loaded = False
        """False until the first states are known: nothing is said about vaults before that."""
        self.frozen = False
        self.key_changes = 0
        """How often keys were changed from here, or may have been changed elsewhere, as a refresh
        has it: volume configs are read again then."""
        self.error: VaultuiError | None = None
        """Why the last refresh failed; the states are those before it."""

    @property
    def statuses(self) -> tuple[VaultStatus, ...]:
        """The states, with the jobs of this application on top of what the kernel says."""
        return tuple(self._with_job(status) for status in self._statuses)

    def status(self, vault: VaultId | None) -> VaultStatus | None:
        """Return the state of one vault, or None when it is not known."""
        found = next((status for status in self._statuses if status.entry.id == vault), None)
        return None if found is None else self._with_job(found)

    def history(self, vault: VaultId) -> History:
        """Return the rates of one vault."""
        return self._histories.setdefault(vault, History())

    def _with_job(self, status: VaultStatus) -> VaultStatus:
        job = self._jobs.of(status.entry.id)
        if job is None or status.state is job.kind.state:
            return status
        return dataclasses.replace(status, state=job.kind.state)

    async def tick(self, focused: bool) -> None:
        """Refresh if it is time to."""
        if self.frozen:
            return
        # A tenth less: the timer that calls this is not exact, and must not skip a beat.
        now = self._clock() + 0.1
        if now - self._refreshed_at < (
            self.interval_s if focused else max(BLURRED_S, self.interval_s)
        ):
            return
        if now - self._looked_at >= LOOK_S or not await self._count():
            await self.refresh()

    async def _count(self) -> bool:
        """Publish the newest counters; False where more than those has to be looked at."""
        if self._under_way or self.error is not None:
            return True
        known = self._statuses
        counted = await self._vaults.counted(known)
        if counted is None:
            return False
        if known is self._statuses:  # else it was refreshed meanwhile
            self._take(counted)
        return True

    async def refresh(self) -> None:
        """Ask for all states, and publish them.

        Called again while one is under way, it returns at once and the running one goes
        round once more, so that no change is missed and nothing piles up.
        """
        if self._under_way:
            self._again = True
            return
        self._under_way = True
        try:
            self._again = True
            while self._again:
                self._again = False
                await self._refresh()
        finally:
            self._under_way = False

    async def _refresh(self) -> None:
        try:
            statuses = await self._vaults.statuses()
        except VaultuiError as error:
            self.error = error
        except asyncio.CancelledError:
            raise
        else:
            self.error = None
            self._statuses = tuple(statuses)
        self._looked_at = self._clock()
        self.loaded = True
        self._take(self._statuses)

    def _take(self, statuses: Sequence[VaultStatus]) -> None:
        self._statuses = tuple(statuses)
        self._refreshed_at = self._clock()
        for status in statuses:
            if status.detail is not None:
                self.history(status.entry.id).add(status, self._refreshed_at)
        self._publish()


def is_near(status: VaultStatus) -> bool:
    """Tell whether the idle lock of a vault is as near as its backend gives a warning of it."""
    left = status.idle_left_s
    return status.detail is not None and left is not None and left <= status.detail.idle_warning_s
