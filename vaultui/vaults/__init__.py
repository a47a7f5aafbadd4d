"""Floor 7: known vaults and what can be done with them.

The only package that `cli` and `tui` call. Types of the wire that they need are handed on
from here. What is heavy is imported where it is used, because start-up time counts.
"""

from vaultui.vaults.entry import VaultEntry, check_name
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
    "KeyringState",
    "LockMode",
    "LockOutcome",
    "OpenFile",
    "PasswordSource",
    "PathAnswer",
    "Paths",
    "Status",
    "StepName",
    "UnlockOptions",
    "Unlocked",
    "VaultEntry",
    "VaultStatus",
    "Vaults",
    "VolumeInfo",
    "check_name",
    "default_paths",
]
