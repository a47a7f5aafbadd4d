"""A check of a whole volume that is under way, or has ended: what it has found so far.

It belongs to the application and goes on without the dialog that shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from vaultui.model.errors import VaultuiError
from vaultui.vaults import (
    Checked,
    CheckMessage,
    CheckProgress,
    ConflictCopy,
    Damage,
    Extent,
    Key,
    VaultEntry,
)

if TYPE_CHECKING:
    from vaultui.vaults import Vaults


class Check:
    """One check. `ended` is called when it is over, however it went, but for a wrong key."""

    def __init__(self, vaults: Vaults, entry: VaultEntry, ended: Callable[[Check], None]) -> None:
        self.entry = entry
        self.progress = CheckProgress(0, 0, "")
        self.extent: Extent | None = None
        """How much there is to read; None while that is being counted."""
        self.damages: list[Damage] = []
        self.copies: list[ConflictCopy] = []
        self.checked: Checked | None = None
        """The counts of a check that came to its end."""
        self.error: VaultuiError | None = None
        """What ended it otherwise; neither of the two where it was stopped."""
        self._vaults = vaults
        self._ended = ended
        self._going = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def fraction(self) -> float | None:
        """How much of it is read, from 0 to 1; None where that is not known."""
        if self.extent is None:
            return None
        # What is read is a little less than what lies on the disk; empty files count as well.
        read = self.progress.bytes + self.progress.files
        return min(1.0, read / max(1, self.extent.bytes + self.extent.files))

    async def start(self, key: Key) -> None:
        """Begin, and return when the key is known to be right; the check wipes it.

        Raises what stands in its way. Cancelling ends it.
        """
        self._task = asyncio.create_task(self._run(key), name="check")
        self._task.add_done_callback(self._finish)
        going = asyncio.create_task(self._going.wait())
        try:
            await asyncio.wait((self._task, going), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.stop()
            key.wipe()  # a task that never ran has not done it
            raise
        finally:
            going.cancel()
        if self.error is not None and not self._going.is_set():
            raise self.error

    async def stop(self) -> None:
        """End it, and return when its backend is gone."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self, key: Key) -> None:
        counting = asyncio.create_task(self._measure())
        try:
            with key:
                self.checked = await self._vaults.volume.check(self.entry.name, key, self._note)
            self._going.set()
        except VaultuiError as error:
            self.error = error
        finally:
            counting.cancel()

    async def _measure(self) -> None:
        self.extent = await self._vaults.volume.extent(self.entry.name)

    def _note(self, message: CheckMessage) -> None:
        if isinstance(message, Damage):
            self.damages.append(message)
        elif isinstance(message, ConflictCopy):
            self.copies.append(message)
        else:
            self.progress = message
        self._going.set()

    def _finish(self, task: asyncio.Task[None]) -> None:
        if self._going.is_set():
            self._ended(self)
        if not task.cancelled():
            task.result()
