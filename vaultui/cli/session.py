"""What every verb works with: the vaults, the output, and one event loop for the whole run."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Coroutine
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar

from vaultui.cli.output import Output
from vaultui.model.catalogue import choose
from vaultui.model.errors import UsageError
from vaultui.vaults import Vaults, parse_duration

T = TypeVar("T")


class Session:
    """One run of a verb. Prompts happen outside of the event loop, so that Ctrl-C ends them."""

    def __init__(self, arguments: argparse.Namespace, output: Output) -> None:
        self.arguments = arguments
        self.output = output
        self.keyring_failure = ""
        """Why the keyring could not be asked: it is not asked again, for the next vault."""
        self._runner = asyncio.Runner()

    @cached_property
    def vaults(self) -> Vaults:
        """The vaults; a typo in the settings file is told once, and the last good copy used.

        From here on people are told things as the settings say: in which language, and whether
        in ASCII.
        """
        vaults = Vaults.open()
        choose(vaults.program.language)
        self.output.ascii_only |= vaults.program.ascii
        warning = vaults.settings_warning
        if warning is not None:
            self.output.note(f"vaultui: {warning.summary} {warning.hint}")
        return vaults

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what `work` returns. Ctrl-C cancels it, and it tidies up before it ends."""
        return self._runner.run(work)

    def seconds(self, text: str | None) -> float | None:
        """Return the seconds of a time that was given as an option; None stays None."""
        if text is None:
            return None
        try:
            return parse_duration(text)
        except ValueError as error:
            raise UsageError(what=error.args[0]) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner.close()
