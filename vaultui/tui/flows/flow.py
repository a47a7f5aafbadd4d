"""What all flows have in common: the application, and short work whose failure is explained."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from vaultui.model.errors import VaultuiError

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp


class Flow:
    """Methods start work and return; dialogs and toasts tell the rest."""

    def __init__(self, app: VaultuiApp) -> None:
        self.app = app

    def explain(self, error: VaultuiError) -> None:
        """Show a failure with its cure, and its raw text under Details."""
        from vaultui.tui.screens.error import ErrorScreen

        self.app.push_screen(ErrorScreen(error))

    def warn(self, error: VaultuiError) -> None:
        """Say a failure in passing: there is more to tell, or the work went on."""
        self.app.say(f"{error.summary} {error.hint}".strip(), severity="warning")

    def run(self, work: Callable[[], Awaitable[None]], group: str) -> None:
        """Do a short piece of work; a failure is explained, and the states are asked for."""

        async def guarded() -> None:
            try:
                await work()
            except VaultuiError as error:
                self.explain(error)
            else:
                await self.app.live.refresh()

        self.app.background(guarded, group=group)
