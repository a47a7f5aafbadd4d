"""Several vaults opened by one command, which asks once for a password that fits as many as may be.

What opens a vault without being typed is tried first: a FIDO2 token, a key file, a password that is
saved. The typed password is tried on all that are left, one after the other, and wiped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from vaultui.cli.currentkey import NeedsTyping
from vaultui.cli.describe import open_sentence, status_data
from vaultui.cli.output import error_data, listed, shown
from vaultui.cli.passwords import (
    TRIES,
    explicit_password,
    nothing_to_type_on,
    typed_password,
)
from vaultui.cli.prompt import has_terminal
from vaultui.cli.session import Session
from vaultui.cli.verbs.opening import remember, show_folder, unlock, unlock_options
from vaultui.model.errors import (
    PasswordIncorrect,
    RecoveryKeyMistyped,
    UsageError,
    VaultuiError,
)
from vaultui.model.language import N_, _, ngettext
from vaultui.vaults import Key, PasswordSource, Result, StepName, Unlocked


def unlock_several(session: Session, names: Sequence[str]) -> int:
    """Open vaults; one that fails does not keep the others from being opened."""
    if session.arguments.mountpoint is not None:
        raise UsageError(what=N_("--mountpoint is for one vault"))
    for name in names:
        session.vaults.entry(name)  # a slip in one name must not open the others first
    several = _Several(session)
    explicit = explicit_password(session)
    if explicit is None:
        several.type_for(several.without_typing(names))
    else:
        password, source = explicit
        with Key(password, session.arguments.key_file) as key:
            several.open_with(names, key, source)
    return several.end(names)


class _Several:
    """The vaults of one command, and what became of each so far."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._results: dict[str, Result[Unlocked]] = {}

    def without_typing(self, names: Sequence[str]) -> dict[str, str]:
        """Open what can be opened without asking; return the others, and why each was not."""
        left = {}
        for name in names:
            try:
                self._note(Result(name, unlock(self._session, name, ask=False)))
            except NeedsTyping as needed:
                left[name] = needed.reason
            except VaultuiError as error:
                self._note(Result(name, error=error))
        return left

    def type_for(self, left: dict[str, str]) -> None:
        """Ask for a password, try it on all that are `left`, and ask again for those it left."""
        if left and not has_terminal():
            for name, reason in left.items():
                self._note(Result(name, error=nothing_to_type_on(name, reason)))
            return
        for tries_left in reversed(range(TRIES)):
            if not left:
                return
            try:
                password = typed_password(listed(list(left)), "")
            except VaultuiError as error:
                for name in left:
                    self._note(Result(name, error=error))
                return
            with Key(password, self._session.arguments.key_file) as key:
                refused = self.open_with(
                    list(left), key, PasswordSource.TYPED, again=tries_left > 0
                )
            left = {name: left[name] for name in refused}
            if left:
                names = shown(listed(list(left)))
                self._session.output.note(_("It does not open {vaults}.", vaults=names))

    def open_with(
        self, names: Sequence[str], key: Key, source: PasswordSource, *, again: bool = False
    ) -> list[str]:
        """Try a key on vaults; with `again` return those that it is wrong for, as not yet done."""
        session, refused = self._session, list[str]()

        def note(result: Result[Unlocked]) -> None:
            wrong = isinstance(result.error, PasswordIncorrect | RecoveryKeyMistyped)
            if wrong and again:
                refused.append(result.name)
            else:
                self._note(result)

        results = session.run(
            session.vaults.batch.unlock(
                names,
                key,
                options=unlock_options(session, source),
                on_step=self._steps_of,
                on_result=note,
            )
        )
        for result in results:
            if result.value is not None and not result.value.already:
                remember(session, result.name, key, source)
        return refused

    def end(self, names: Sequence[str]) -> int:
        """Print the results for programs, or a summary for people; return the exit code."""
        output = self._session.output
        results = [self._results[name] for name in names]
        failures = [result.error for result in results if result.error is not None]
        if self._session.arguments.open:
            for result in results:
                if result.value is not None:
                    show_folder(self._session, result.name)
        if output.as_json:
            output.data({"vaults": [_data(result) for result in results]})
        elif failures:
            output.line(
                ngettext(
                    "{count} of {total} vaults is open.",
                    "{count} of {total} vaults are open.",
                    len(results) - len(failures),
                    total=len(results),
                )
            )
        return int(failures[0].exit_code) if failures else 0

    def _note(self, result: Result[Unlocked]) -> None:
        """Keep a result, and tell it."""
        output, opened = self._session.output, result.value
        self._results[result.name] = result
        if output.as_json:
            return
        if result.error is not None:
            output.error(result.error, about=result.name)
        elif opened is not None:
            output.line(shown(open_sentence(opened.status, already=opened.already)))

    def _steps_of(self, name: str) -> Callable[[StepName, str], None]:
        def step(_taken: StepName, words: str) -> None:
            self._session.output.step(f"{shown(name)}: {words}")

        return step


def _data(result: Result[Unlocked]) -> dict[str, Any]:
    if result.value is None:
        return {"name": result.name, "error": error_data(result.error) if result.error else None}
    status, already = status_data(result.value.status), result.value.already
    return {"name": result.name, "vault": status, "already": already}
