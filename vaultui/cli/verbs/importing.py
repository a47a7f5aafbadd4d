"""import: vaults that another manager knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from vaultui.cli.describe import entry_data
from vaultui.cli.output import error_data, place, shown
from vaultui.cli.session import Session
from vaultui.model.language import _
from vaultui.vaults import Importable


def import_verb(session: Session) -> int:
    """Add what can be added; the exit code is that of the first vault that could not be."""
    listing = session.vaults.listing
    items = session.run(listing.importable(session.arguments.managers))
    chosen = [item for item in items if not item.reason]
    left_out = [item for item in items if item.reason]
    if session.arguments.dry_run:
        return _tell_what_would_be(session, chosen, left_out)
    results = session.run(listing.import_from(chosen))
    failed = [result.error for result in results if result.error is not None]
    exit_code = int(failed[0].exit_code) if failed else 0
    if session.output.as_json:
        session.output.data(
            {
                "vaults": [entry_data(result.value) for result in results if result.value],
                "errors": [error_data(error) for error in failed],
                "left_out": [dataclasses.asdict(item) for item in left_out],
            }
        )
        return exit_code
    for item, result in zip(chosen, results, strict=True):
        if result.error is None:
            where, manager = place(item.cipherdir), item.manager
            session.output.line(
                _(
                    "{name} is added: {path}, from the list of {manager}.",
                    name=shown(item.name),
                    path=where,
                    manager=manager,
                )
            )
        else:
            session.output.error(result.error)
    _tell_left_out(session, chosen, left_out)
    return exit_code


def _tell_what_would_be(
    session: Session, chosen: Sequence[Importable], left_out: Sequence[Importable]
) -> int:
    if session.output.as_json:
        items = [dataclasses.asdict(item) for item in (*chosen, *left_out)]
        session.output.data({"importable": items})
        return 0
    for item in chosen:
        session.output.line(
            _(
                "{name} would be added: {path}, from the list of {manager}.",
                name=shown(item.name),
                path=place(item.cipherdir),
                manager=item.manager,
            )
        )
    _tell_left_out(session, chosen, left_out)
    return 0


def _tell_left_out(
    session: Session, chosen: Sequence[Importable], left_out: Sequence[Importable]
) -> None:
    for item in left_out:
        session.output.line(
            _(
                "{name} of {manager} is left out: {reason}.",
                name=place(item.name),
                manager=item.manager,
                reason=shown(_(item.reason)),
            )
        )
    if not chosen and not left_out:
        session.output.line(_("No other manager has a list of vaults here."))
