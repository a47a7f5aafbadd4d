"""Asking an open vault about its auto-lock, as tests do."""

from __future__ import annotations

from typing import Any

from asking import Asking
from mounting import Vaultfs
from starting import Started
from waiting import wait_until


def ask(volume: Vaultfs, kind: str, **fields: Any) -> dict[str, Any]:
    with Asking(volume.base / "ctl") as client:
        return client.ours(kind, **fields)


def guard(volume: Vaultfs, name: str) -> str:
    """Return the state of a guard and why it is so."""
    (found,) = (g for g in ask(volume, "StatusRequest")["autolock"] if g["name"] == name)
    return f"{found['state']} {found['reason']}".strip()


def guarded(volume: Vaultfs, *names: str) -> None:
    for name in names:
        wait_until(lambda name=name: guard(volume, name) == "active", what=f"{name} is in force")


def events(volume: Vaultfs, kind: str) -> list[str]:
    """Return the details of the events of a kind, the oldest first."""
    found = ask(volume, "EventsRequest", since=0)["events"]
    return [event["detail"] for event in found if event["kind"] == kind]


def wait_for(volume: Vaultfs, kind: str) -> str:
    """Return the detail of the first event of a kind when there is one."""
    return str(wait_until(lambda: events(volume, kind), what=f"{kind} is in the time line")[0])


def ended(started: Started) -> bool:
    """Tell that the vault is locked: its backend has ended well."""
    return started.process.wait(20) == 0
