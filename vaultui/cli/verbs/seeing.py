"""list, status, activity, ps, path, conflicts: looking, and ending who is in the way."""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from vaultui.cli.describe import conflict_line, entry_data, print_states, status_data
from vaultui.cli.output import Output, error_data, place, shown
from vaultui.cli.session import Session
from vaultui.model.errors import PathUnknown, UsageError, VaultuiError
from vaultui.model.language import N_, Phrase, _
from vaultui.vaults import Holder, Moment, VaultStatus

_EMPTY = N_(
    "No vaults yet. `vaultui create DIR` makes one, `vaultui add DIR` adds an existing one."
)


def list_verb(session: Session) -> int:
    """Print what the registry knows."""
    entries = session.vaults.entries()
    if session.output.as_json:
        session.output.data({"vaults": [entry_data(entry) for entry in entries]})
    elif session.arguments.names:
        for entry in entries:
            session.output.line(entry.name)
    elif not entries:
        session.output.line(_(_EMPTY))
    else:
        rows = [(e.name, place(e.mountpoint), place(e.cipherdir)) for e in entries]
        session.output.table((_("Name"), _("Mount point"), _("Cipher directory")), rows)
    return 0


def status_verb(session: Session) -> int:
    """Print states once, or again after every change with --watch."""
    arguments, vaults, output = session.arguments, session.vaults, session.output
    name: str | None = arguments.name
    if arguments.watch:
        from vaultui.cli.watching import watch

        show = partial(_print, output, one_line=True)
        every_s = session.seconds(arguments.every)
        session.run(watch(vaults, output, name, every_s, show))
    elif arguments.every is not None:
        raise UsageError(what=N_("--every goes with --watch"))
    elif name is None:
        _print(output, session.run(vaults.statuses()))
    else:
        _print(output, [session.run(vaults.status(name))])
    return 0


def _print(output: Output, statuses: Sequence[VaultStatus], *, one_line: bool = False) -> None:
    if output.as_json:
        vaults = [status_data(status) for status in statuses]
        output.data({"vaults": vaults}, one_line=one_line)
    elif not statuses:
        output.line(_(_EMPTY))
    else:
        print_states(output, statuses)


def ps_verb(session: Session) -> int:
    """Print who holds a vault, one line for each thing held, or send these processes a signal."""
    arguments = session.arguments
    name = arguments.name
    holders = session.run(session.vaults.holders(name))
    if arguments.term or arguments.kill:
        return _signal(session, _chosen(name, holders, arguments.pid))
    if arguments.pid:
        raise UsageError(what=N_("Say --term or --kill to send processes a signal"))
    if session.output.as_json:
        data = [
            {"pid": h.pid, "command": h.command, "uid": h.uid, "kind": h.kind, "path": h.path}
            for h in holders
        ]
        session.output.data({"name": name, "holders": data})
    elif not holders:
        session.output.line(_("Nobody uses {name}.", name=shown(name)))
    else:
        rows = [(str(h.pid), shown(h.command), h.kind, place(h.path)) for h in holders]
        session.output.table(("PID", _("Command"), _("What"), _("Path")), rows)
    return 0


def _chosen(name: str, holders: Sequence[Holder], pids: Sequence[int]) -> list[Holder]:
    """Return one holder for each process: those that were named, or all but our own shell."""
    by_pid = {holder.pid: holder for holder in holders}
    if not pids:
        from vaultui.vaults.locking import own_line  # not worth the time of every `status`

        spared = own_line()
        return [holder for pid, holder in by_pid.items() if pid not in spared]
    for pid in pids:
        if pid not in by_pid:
            raise UsageError(what=Phrase("Process {pid} does not use {name}", pid=pid, name=name))
    return [by_pid[pid] for pid in dict.fromkeys(pids)]


def _signal(session: Session, holders: Sequence[Holder]) -> int:
    """Send the signal that was asked for; one that can't be sent keeps no other from being."""
    output, kill = session.output, session.arguments.kill
    number = signal.SIGKILL if kill else signal.SIGTERM
    results: list[dict[str, Any]] = []
    failure: VaultuiError | None = None
    for holder in holders:
        found = {"pid": holder.pid, "command": holder.command}
        process = f"{shown(holder.command)} ({holder.pid})"
        try:
            sent = session.run(session.vaults.signal_holder(holder, number))
        except VaultuiError as error:
            failure = failure or error
            results.append({**found, "error": error_data(error)})
            if not output.as_json:
                output.error(error)
            continue
        results.append({**found, "sent": sent})
        if not output.as_json:
            told = N_("{process} is killed.") if kill else N_("{process} is told to end.")
            if not sent:
                told = N_("{process} has ended already.")
            output.line(_(told, process=process))
    if output.as_json:
        output.data({"name": session.arguments.name, "signalled": results})
    elif not holders:
        output.line(_("Nobody uses {name}.", name=shown(session.arguments.name)))
    return 0 if failure is None else int(failure.exit_code)


def path_verb(session: Session) -> int:
    """Print the other side of a path."""
    asked = session.arguments.path
    answer = session.run(session.vaults.volume.path(session.arguments.name, asked))
    if answer.error:
        raise PathUnknown(path=asked, reason=answer.error)
    if session.output.as_json:
        data = {"plain": answer.plain, "cipher": answer.cipher, "warning": answer.warning}
        session.output.data(data)
    else:
        session.output.line(_("plain   {path}", path=shown(answer.plain or ".")))
        session.output.line(_("cipher  {path}", path=shown(answer.cipher or ".")))
        if answer.warning:
            session.output.note(shown(_(answer.warning)))
    return 0


def activity_verb(session: Session) -> int:
    """Print what has happened to a vault, oldest first."""
    from vaultui.vaults.timelinewords import detail_in_words, moment_in_words

    name, output = session.arguments.name, session.output
    moments = session.run(session.vaults.logbook.timeline(name))
    if output.as_json:
        output.data({"name": name, "activity": [_moment_data(moment) for moment in moments]})
        return 0
    if not moments:
        output.line(_("Nothing has happened to this vault yet."))
    for moment in moments:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment.at))
        told = [moment_in_words(moment), moment.path, detail_in_words(moment)]
        output.line(f"{when}  {shown('  '.join(part for part in told if part))}")
    return 0


def _moment_data(moment: Moment) -> dict[str, Any]:
    kind = moment.kind.value if moment.kind else "backend-ended" if moment.ended else "failed"
    return {"at": moment.at, "kind": kind, "path": moment.path, "detail": moment.detail}


def conflicts_verb(session: Session) -> int:
    """Print the conflict copies of sync clients, one in a line."""
    name, output = session.arguments.name, session.output
    output.step(_("Looking for conflict copies…"))
    found = session.run(session.vaults.volume.conflicts(name))
    if output.as_json:
        copies = [dataclasses.asdict(copy) for copy in found.copies]
        output.data({"name": name, "count": found.count, "conflict_copies": copies})
    elif not found.count:
        output.line(_("{name} has no conflict copies.", name=shown(name)))
    else:
        for copy in found.copies:
            output.line(conflict_line(copy))
        if more := found.count - len(found.copies):
            output.line(_("… and {more} more.", more=more))
    return 0
