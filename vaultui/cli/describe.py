"""A vault as `--json` has it, and as a line for people. The JSON names are stable."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

from vaultui.cli.output import Output, clock, place, shown
from vaultui.model.language import N_, _
from vaultui.model.states import VaultState
from vaultui.vaults import (
    ConflictCopy,
    ExitState,
    SlotInfo,
    VaultEntry,
    VaultStatus,
    format_duration,
)


def entry_data(entry: VaultEntry) -> dict[str, Any]:
    """Return what the registry knows of a vault."""
    return {
        "name": entry.name,
        "id": entry.id,
        "cipherdir": entry.cipherdir,
        "mountpoint": entry.mountpoint,
        "idle_timeout_s": entry.idle_timeout_s,
        "read_only": entry.opens_read_only,
        "config": entry.config_path or None,
        "reverse": entry.reverse,
        "key_file": entry.key_file or None,
        "lock_on": [occasion.value for occasion in entry.autolock.lock_on],
        "when_busy": entry.autolock.when_busy.value,
        "notify": entry.autolock.notify,
        "favourite": entry.favourite,
        "open_for_s": entry.open_for_s,
        **{key: list(commands) for key, commands in vars(entry.hooks).items()},
        "options": {**vars(entry.options)},
    }


def status_data(status: VaultStatus) -> dict[str, Any]:
    """Return the state of a vault. Times are in seconds, `opened_at` since the epoch."""
    return {
        "name": status.entry.name,
        "state": status.state.value,
        "id": status.entry.id,
        "cipherdir": status.entry.cipherdir,
        "reverse": status.entry.reverse,
        "mountpoint": status.mountpoint,
        "mounted": status.mounted,
        "read_only": status.read_only,
        "backend_pid": status.backend_pid,
        "keeper_pid": status.keeper_pid,
        "opened_at": status.opened_at,
        "idle_timeout_s": status.idle_timeout_s,
        "idle_left_s": status.idle_left_s,
        "idle_paused": status.idle_paused,
        "autolock": _autolock_data(status),
        "waits_to_lock": "" if status.detail is None else status.detail.waits_to_lock,
        "temporary": status.detail is not None and status.detail.temporary,
        "holds": _holds_data(status),
        "closes_at": (status.detail and status.detail.closes_at) or None,
        "last_activity_s": status.last_activity_s,
        "open_files": status.open_files,
        "bytes_read": status.bytes_read,
        "bytes_written": status.bytes_written,
        "rss_bytes": status.rss_bytes,
        "explanation": status.explanation,
        "exit": None if status.exit is None else _exit_data(status.exit),
    }


def _autolock_data(status: VaultStatus) -> dict[str, Any]:
    """Return what locks an open vault by itself, each guard by its name."""
    guards = () if status.detail is None else status.detail.autolock
    return {guard.name: {"state": guard.state.value, "reason": guard.reason} for guard in guards}


def _holds_data(status: VaultStatus) -> list[dict[str, Any]]:
    """Return the processes that an open vault is kept open for."""
    holds = () if status.detail is None else status.detail.holds
    return [{"pid": hold.pid, "title": hold.title} for hold in holds]


def _exit_data(exit_state: ExitState) -> dict[str, Any]:
    return {
        "pid": exit_state.pid,
        "exit_code": exit_state.exit_code,
        "signal": exit_state.signal,
        "core_dumped": exit_state.core_dumped,
        "oom_killed": exit_state.oom_killed,
        "ended_at": exit_state.ended_at,
        "mount_detached": exit_state.mount_detached,
    }


def slot_data(number: int, slot: SlotInfo) -> dict[str, Any]:
    """Return a key as `--json` has it; `created` is in seconds since the epoch, or null."""
    return {"number": number, **dataclasses.asdict(slot), "created": slot.created or None}


def idle_words(status: VaultStatus) -> str:
    """Return the idle lock of a vault in a few characters."""
    if not status.idle_timeout_s:
        return "—"
    if status.state not in (VaultState.OPEN, VaultState.BUSY):
        return _(format_duration(status.idle_timeout_s))
    if status.idle_paused:
        return _("paused")
    if status.idle_left_s is None:
        return _("in use")
    return clock(status.idle_left_s)


def open_sentence(status: VaultStatus, *, already: bool) -> str:
    """Return where a vault is open and when it will lock."""
    entry = status.entry
    read_only = _(", read-only") if status.read_only else ""
    if entry.reverse:
        read_only = _(
            ", as a read-only encrypted view of {cipherdir}", cipherdir=place(entry.cipherdir)
        )
    start = N_("{name} is already open at {place}") if already else N_("{name} is open at {place}")
    sentence = _(start, name=entry.name, place=place(status.mountpoint)) + read_only
    if closes_at := closes_at_words(status):
        sentence += _(", until {time}", time=closes_at)
    if status.idle_timeout_s:
        sentence += _(
            ", and locks after {time} without use",
            time=format_duration(status.idle_timeout_s),
        )
    return f"{sentence}."


def closes_at_words(status: VaultStatus) -> str:
    """Return until when a vault is open, whatever happens: the time, and the day of another one."""
    if status.detail is None or not status.detail.closes_at:
        return ""
    at = time.localtime(status.detail.closes_at)
    today = time.localtime()[:3] == at[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", at)


def print_states(output: Output, statuses: Sequence[VaultStatus]) -> None:
    """Print a table of states, and below it what needs more than a word."""
    rows = [
        (
            output.state(status.state),
            status.entry.name,
            idle_words(status),
            "—" if status.open_files is None else str(status.open_files),
            place(status.mountpoint),
        )
        for status in statuses
    ]
    output.table((_("State"), _("Name"), _("Idle lock"), _("Files"), _("Mount point")), rows)
    for status in statuses:
        if status.explanation:
            output.line(f"{status.entry.name}: {_(status.explanation)}")
        for sentence in _what_locks_it(status):
            output.line(f"{status.entry.name}: {shown(sentence)}")
        for line in status.log_lines:
            output.line(f"  | {line}")


def _what_locks_it(status: VaultStatus) -> Iterator[str]:
    """Say for whom, and how long, a vault is open, where that is not for whoever wants it."""
    if status.detail is not None and status.detail.temporary:
        tasks = ", ".join(dict.fromkeys(hold.title for hold in status.detail.holds))
        if tasks:
            yield _("It is open for {tasks}, and locks itself after that.", tasks=tasks)
    if closes_at := closes_at_words(status):
        yield _("It locks at {time}, whoever uses it then.", time=closes_at)


def conflict_line(copy: ConflictCopy) -> str:
    """Return a conflict copy in words."""
    if copy.original:
        return _(
            "conflict copy: {path} (of {original})",
            path=shown(copy.path),
            original=shown(copy.original),
        )
    return _("conflict copy: {path} (of a file of the volume's own)", path=shown(copy.path))
