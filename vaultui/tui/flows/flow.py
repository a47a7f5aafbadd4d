"""What all flows have in common: the application, and short work whose failure is explained."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from vaultui.model.errors import VaultuiError

if TYPE_CHECKING:
    from vaultui.tui.app import VaultuiApp

Lent = TypeVar("Lent")


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

    async def lend_terminal(self, work: Callable[[], Awaitable[Lent]]) -> Lent:
        """Leave the terminal to `work` until it ends, and return what it returns.

        Nothing is drawn meanwhile, but jobs, warnings and the states go on. Raises
        SuspendNotSupported for a terminal that cannot be left, and what `work` raises.
        """
        failure: BaseException | None = None
        with self.app.batch_update(), self.app.suspend():
            # Textual takes the terminal back only where nothing is raised in here.
            try:
                return await work()
            except BaseException as error:
                failure = error
        raise failure

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
