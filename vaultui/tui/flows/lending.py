"""Lending the terminal to a program: a shell in a vault, a task that wants a terminal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from textual.app import SuspendNotSupported

from vaultui.model.errors import KeyFileIncorrect, PasswordIncorrect, VaultuiError
from vaultui.model.language import _
from vaultui.tui.flows.flow import Flow
from vaultui.vaults import Key, VaultEntry


@dataclass(frozen=True)
class Errand:
    """What the terminal is lent for."""

    entry: VaultEntry
    words: str
    """Stand above it on the terminal."""
    work: Callable[[Key | None], Awaitable[object]]
    """Gets the key that was asked for."""
    question: tuple[str, str] | None = None
    """Title and note of the dialog that asks for a key; None where none is needed."""
    done: Callable[[], None] = lambda: None
    """Called when it has ended and the terminal is back; not after a failure."""


class Lending(Flow):
    """Failures are explained when the terminal is back; a wrong key is asked for again."""

    def lend(self, errand: Errand) -> None:
        """Leave the terminal to an errand."""
        if errand.question is None:
            self.app.background(partial(self._lend, errand, None), group="terminal")
        else:
            self._ask(errand)

    def _ask(self, errand: Errand, error: VaultuiError | None = None) -> None:
        from vaultui.tui.screens.askkey import AskKeyScreen

        def answered(key: Key | None) -> None:
            if key is not None:
                self.app.background(partial(self._lend, errand, key), group="terminal")

        assert errand.question is not None
        self.app.push_screen(AskKeyScreen(errand.entry, *errand.question, error), answered)

    async def _lend(self, errand: Errand, key: Key | None) -> None:
        async def told() -> None:
            print(errand.words)
            await errand.work(key)

        failure: VaultuiError | None = None
        try:
            await self.lend_terminal(told)
        except SuspendNotSupported:
            self.app.say(_("This terminal cannot be left to a shell."), severity="warning")
            return
        except VaultuiError as error:
            failure = error
        finally:
            if key is not None:
                key.wipe()
        await self.app.live.refresh()
        if failure is None:
            errand.done()
        elif errand.question is not None and isinstance(
            failure, PasswordIncorrect | KeyFileIncorrect
        ):
            self._ask(errand, failure)
        else:
            self.explain(failure)
