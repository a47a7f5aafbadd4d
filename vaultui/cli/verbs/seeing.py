"""list, status, ps, path: looking without changing anything."""

from __future__ import annotations

import dataclasses
from typing import Any

from vaultui.cli.describe import conflict_line, entry_data, print_states, status_data
from vaultui.cli.output import Output, place, shown
from vaultui.cli.session import Session
from vaultui.model.errors import PathUnknown
from vaultui.vaults import Vaults, VaultStatus
from vaultui.vaults.waiting import readable

_EMPTY = "No vaults yet. `vaultui create DIR` makes one, `vaultui add DIR` adds an existing one."
_LOOK_AGAIN_S = 1.0
"""Countdowns and open files change without an event."""


def list_verb(session: Session) -> int:
    """Print what the registry knows."""
    entries = session.vaults.entries()
    if session.output.as_json:
        session.output.data({"vaults": [entry_data(entry) for entry in entries]})
    elif session.arguments.names:
        for entry in entries:
            session.output.line(entry.name)
    elif not entries:
        session.output.line(_EMPTY)
    else:
        rows = [(e.name, place(e.mountpoint), place(e.cipherdir)) for e in entries]
        session.output.table(("Name", "Mount point", "Cipher directory"), rows)
    return 0


def status_verb(session: Session) -> int:
    """Print states once, or again and again with --watch."""
    name = session.arguments.name
    if session.arguments.watch:
        session.run(_watch(session.vaults, session.output, name))
    else:
        _print(session.output, session.run(_states(session.vaults, name)))
    return 0


async def _states(vaults: Vaults, name: str | None) -> list[VaultStatus]:
    return await vaults.statuses() if name is None else [await vaults.status(name)]


async def _watch(vaults: Vaults, output: Output, name: str | None) -> None:
    before: list[dict[str, Any]] | None = None
    with vaults.watch() as watch:
        while True:
            watch.consume()
            states = await _states(vaults, name)
            now = [status_data(status) for status in states]
            if output.out.isatty() and not output.as_json:
                output.out.write("\x1b[H\x1b[2J")
                _print(output, states)
            elif before is None or _differ(before, now):
                _print(output, states)
            before = now
            await readable(watch.fileno(), _LOOK_AGAIN_S)


def _differ(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> bool:
    """Return whether more has changed than clocks and counters, which always do."""
    telling = ("name", "state", "mountpoint", "backend_pid", "open_files", "explanation")
    return [[v[key] for key in telling] for v in before] != [[v[k] for k in telling] for v in now]


def _print(output: Output, statuses: list[VaultStatus]) -> None:
    if output.as_json:
        output.data({"vaults": [status_data(status) for status in statuses]})
    elif not statuses:
        output.line(_EMPTY)
    else:
        print_states(output, statuses)


def ps_verb(session: Session) -> int:
    """Print who holds a vault, one line for each thing held."""
    name = session.arguments.name
    holders = session.run(session.vaults.holders(name))
    if session.output.as_json:
        data = [
            {"pid": h.pid, "command": h.command, "uid": h.uid, "kind": h.kind, "path": h.path}
            for h in holders
        ]
        session.output.data({"name": name, "holders": data})
    elif not holders:
        session.output.line(f"Nobody uses {shown(name)}.")
    else:
        rows = [(str(h.pid), shown(h.command), h.kind, place(h.path)) for h in holders]
        session.output.table(("PID", "Command", "What", "Path"), rows)
    return 0


def path_verb(session: Session) -> int:
    """Print the other side of a path."""
    asked = session.arguments.path
    answer = session.run(session.vaults.path(session.arguments.name, asked))
    if answer.error:
        raise PathUnknown(path=asked, reason=answer.error)
    if session.output.as_json:
        data = {"plain": answer.plain, "cipher": answer.cipher, "warning": answer.warning}
        session.output.data(data)
    else:
        session.output.line(f"plain   {shown(answer.plain or '.')}")
        session.output.line(f"cipher  {shown(answer.cipher or '.')}")
        if answer.warning:
            session.output.note(shown(answer.warning))
    return 0


def conflicts_verb(session: Session) -> int:
    """Print the conflict copies of sync clients, one in a line."""
    name, output = session.arguments.name, session.output
    output.step("Looking for conflict copies…")
    found = session.run(session.vaults.conflicts(name))
    if output.as_json:
        copies = [dataclasses.asdict(copy) for copy in found.copies]
        output.data({"name": name, "count": found.count, "conflict_copies": copies})
    elif not found.count:
        output.line(f"{shown(name)} has no conflict copies.")
    else:
        for copy in found.copies:
            output.line(conflict_line(copy))
        if more := found.count - len(found.copies):
            output.line(f"… and {more} more.")
    return 0
