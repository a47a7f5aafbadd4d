"""Floor 7: known vaults and what can be done with them.

The only package that `cli` and `tui` call. Types of the wire that they need are handed on
from here. Names are looked up when they are used: the keyring helper lives in this package
and needs next to nothing of it, and start-up time counts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaultui.linux.holders import Holder
    from vaultui.vaults.duration import format_duration, parse_duration
    from vaultui.vaults.entry import VaultEntry, check_name
    from vaultui.vaults.flavour import content_in_words, names_in_words
    from vaultui.vaults.outcomes import (
        Created,
        Finding,
        KeyringState,
        LockMode,
        LockOutcome,
        PasswordSource,
        PathAnswer,
        Unlocked,
        UnlockOptions,
    )
    from vaultui.vaults.paths import Paths, default_paths
    from vaultui.vaults.service import Vaults
    from vaultui.vaults.status import VaultStatus
    from vaultui.vaults.unlocking import StepReport
    from vaultui.vaults.watch import Watch
    from vaultui.wire.control import Event, EventKind, Events, OpenFile, Status
    from vaultui.wire.handshake import Checked, CheckProgress, Damage, StepName, VolumeInfo
    from vaultui.wire.launchspec import ExitState

__all__ = [
    "CheckProgress",
    "Checked",
    "Created",
    "Damage",
    "Event",
    "EventKind",
    "Events",
    "ExitState",
    "Finding",
    "Holder",
    "KeyringState",
    "LockMode",
    "LockOutcome",
    "OpenFile",
    "PasswordSource",
    "PathAnswer",
    "Paths",
    "Status",
    "StepName",
    "StepReport",
    "UnlockOptions",
    "Unlocked",
    "VaultEntry",
    "VaultStatus",
    "Vaults",
    "VolumeInfo",
    "Watch",
    "check_name",
    "content_in_words",
    "default_paths",
    "format_duration",
    "names_in_words",
    "parse_duration",
]

_HOMES = {
    "vaultui.linux.holders": ("Holder",),
    "vaultui.vaults.duration": ("format_duration", "parse_duration"),
    "vaultui.vaults.entry": ("VaultEntry", "check_name"),
    "vaultui.vaults.flavour": ("content_in_words", "names_in_words"),
    "vaultui.vaults.outcomes": (
        "Created",
        "Finding",
        "KeyringState",
        "LockMode",
        "LockOutcome",
        "PasswordSource",
        "PathAnswer",
        "UnlockOptions",
        "Unlocked",
    ),
    "vaultui.vaults.paths": ("Paths", "default_paths"),
    "vaultui.vaults.service": ("Vaults",),
    "vaultui.vaults.status": ("VaultStatus",),
    "vaultui.vaults.unlocking": ("StepReport",),
    "vaultui.vaults.watch": ("Watch",),
    "vaultui.wire.control": ("Event", "EventKind", "Events", "OpenFile", "Status"),
    "vaultui.wire.handshake": ("CheckProgress", "Checked", "Damage", "StepName", "VolumeInfo"),
    "vaultui.wire.launchspec": ("ExitState",),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
