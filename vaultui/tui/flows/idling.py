"""The idle lock: put off, paused, and let run again."""

from __future__ import annotations

from functools import partial

from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.tui.live import is_near
from vaultui.tui.wording import shown, span
from vaultui.vaults import VaultEntry, VaultStatus

EXTENSION_S = 15 * 60.0


class Idling(Flow):
    """What a person can do about a countdown."""

    def extend(self, status: VaultStatus) -> None:
        self.run(partial(self._extend, status.entry), "extend")

    async def _extend(self, entry: VaultEntry) -> None:
        left = await self.app.vaults.extend(entry.name, EXTENSION_S)
        name = shown(entry.name)
        if left:
            self.app.say(_("{name} locks in {span} at the earliest.", name=name, span=span(left)))
        else:
            self.app.say(_("{name} stays open longer.", name=name))

    def extend_all(self) -> None:
        """Put off every idle lock that was announced."""
        near = [status.entry for status in self.app.live.statuses if is_near(status)]
        if not near:
            self.app.say(_("No idle lock has been announced."))
            return
        self.run(partial(self._extend_all, near), "extend")

    async def _extend_all(self, entries: list[VaultEntry]) -> None:
        for entry in entries:
            await self._extend(entry)

    def pause(self, status: VaultStatus) -> None:
        self.run(partial(self._pause, status.entry, not status.idle_paused), "pause")

    async def _pause(self, entry: VaultEntry, paused: bool) -> None:
        await self.app.vaults.pause(entry.name, paused)
        name = shown(entry.name)
        if paused:
            self.app.say(_("The idle lock of {name} is paused: it stays open.", name=name))
        else:
            self.app.say(_("The idle lock of {name} runs again.", name=name))
