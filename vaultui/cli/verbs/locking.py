"""lock, panic: closing vaults, one or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vaultui.cli.output import Output, error_data, listed, shown
from vaultui.cli.prompt import confirmed, has_terminal
from vaultui.cli.session import Session
from vaultui.model.errors import UsageError
from vaultui.model.language import N_, _, ngettext
from vaultui.vaults import LockMode, LockOutcome, Result


def lock_verb(session: Session) -> int:
    """Close vaults side by side; one that fails does not keep the others from being closed."""
    names, mode = _names_to_lock(session), _mode(session)
    tell = _Telling(session.output, names if mode is LockMode.WAIT else ())
    skip_hooks = session.arguments.skip_hooks
    locking = session.vaults.batch.lock(names, mode, tell.result, skip_hooks=skip_hooks)
    return tell.end(session.run(locking))


def panic_verb(session: Session) -> int:
    """Put every vault out of sight at once, after one question."""
    output = session.output
    if not session.arguments.yes:
        if not has_terminal():
            raise UsageError(what=N_("Say --yes to lock everything at once without being asked"))
        if names := session.run(session.vaults.batch.lockable()):
            output.line(_("Locks at once: {vaults}.", vaults=shown(listed(names))))
        output.item(
            "", _("Programs that use them are ended, and what they have not saved is lost.")
        )
        if not confirmed(_("Lock everything at once?")):
            output.line(_("Nothing was changed."))
            return 0
    tell = _Telling(output)
    return tell.end(session.run(session.vaults.batch.panic(tell.result)))


def _names_to_lock(session: Session) -> list[str]:
    arguments = session.arguments
    if arguments.all and arguments.name:
        raise UsageError(what=N_("Give names or --all, not both"))
    if arguments.all:
        return session.run(session.vaults.batch.lockable())
    if not arguments.name:
        raise UsageError(what=N_("Say which vault to lock, or --all"))
    # A slip in one name must not lock the others first.
    return [session.vaults.entry(name).name for name in dict.fromkeys(arguments.name)]


def _mode(session: Session) -> LockMode:
    for mode in (LockMode.WAIT, LockMode.LAZY, LockMode.KILL):
        if getattr(session.arguments, mode.value):
            return mode
    return LockMode.POLITE


class _Telling:
    """Tells what becomes of each vault as it comes, and of all of them at the end."""

    def __init__(self, output: Output, waited_for: Sequence[str] = ()) -> None:
        self._output = output
        self._waited_for = list(waited_for)
        self._step()

    def result(self, result: Result[LockOutcome]) -> None:
        """Print one result; with --json all of them are printed at the end."""
        if self._output.as_json:
            return
        if result.error is not None:
            self._output.error(result.error)
        elif result.value is not None:
            self._output.line(shown(lock_sentence(result.name, result.value)))
        if result.name in self._waited_for:
            self._waited_for.remove(result.name)
        self._step()

    def _step(self) -> None:
        if self._waited_for:
            names = shown(listed(self._waited_for))
            self._output.step(_("Waiting until nobody uses {name}…", name=names))

    def end(self, results: Sequence[Result[LockOutcome]]) -> int:
        """Print a summary where it tells more than the lines before; return the exit code."""
        output = self._output
        failures = [result.error for result in results if result.error is not None]
        if output.as_json:
            output.data({"vaults": [_data(result) for result in results]})
        elif not results:
            output.line(_("No vault is open."))
        elif failures and len(results) > 1:
            locked = len(results) - len(failures)
            output.line(
                ngettext(
                    "{count} of {total} vaults is locked.",
                    "{count} of {total} vaults are locked.",
                    locked,
                    total=len(results),
                )
            )
        return int(failures[0].exit_code) if failures else 0


def _data(result: Result[LockOutcome]) -> dict[str, Any]:
    if result.value is None:
        return {"name": result.name, "error": error_data(result.error) if result.error else None}
    already, detached = result.value.already, result.value.detached
    return {"name": result.name, "already": already, "detached": detached}


def lock_sentence(name: str, outcome: LockOutcome) -> str:
    """Return what became of a vault that was to be locked."""
    if outcome.already:
        return _("{name} is already locked.", name=name)
    if outcome.detached:
        return _(
            "{name} is out of sight. Processes that hold its files keep them until they end.",
            name=name,
        )
    return _("{name} is locked.", name=name)
