"""Floor 7: known vaults and what can be done with them.

The only package that `cli` and `tui` call. Types of the wire that they need are handed on
from here. Names are looked up when they are used: the keyring helper lives in this package
and needs next to nothing of it, and start-up time counts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vaultui.format.keyslots import SlotKind
    from vaultui.linux.holders import Holder
    from vaultui.tasks.request import TaskRequest
    from vaultui.tasks.streams import Streams
    from vaultui.vaults.batch import Batch, Result
    from vaultui.vaults.clocktime import parse_clock
    from vaultui.vaults.deletion import DeletionScope
    from vaultui.vaults.discovery import Scanned
    from vaultui.vaults.drill import Drilled, DrillStep
    from vaultui.vaults.duration import format_duration, parse_duration
    from vaultui.vaults.entry import AutoLock, VaultEntry, check_name
    from vaultui.vaults.extent import Extent
    from vaultui.vaults.flavour import (
        CONTENT_CHOICES,
        NAMES_CHOICES,
        Flavour,
        content_in_words,
        derivation_in_words,
        names_in_words,
    )
    from vaultui.vaults.importing import Importable
    from vaultui.vaults.key import Derivation, Key, NewKey
    from vaultui.vaults.keys import (
        Compatibility,
        KeyAdded,
        Keys,
        KeysChanged,
        RecoveryKey,
        find_slot,
        gocryptfs_opens,
        slots_of,
    )
    from vaultui.vaults.keywords import (
        change_in_words,
        compatibility_in_words,
        key_in_words,
        kind_in_words,
        made_on,
    )
    from vaultui.vaults.newfile import new_file, new_key_file
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
    from vaultui.vaults.recoverysheet import write_sheet
    from vaultui.vaults.removal import Deleted
    from vaultui.vaults.runningtask import RunningTask
    from vaultui.vaults.savedpassword import SavedPassword
    from vaultui.vaults.service import Vaults
    from vaultui.vaults.setting import Setting, SettingKind
    from vaultui.vaults.settings import SettingRow, Settings
    from vaultui.vaults.settingsfile import ProgramSettings
    from vaultui.vaults.status import VaultStatus
    from vaultui.vaults.taskstatus import TaskStatus, exit_code_of, task_in_words
    from vaultui.vaults.taskvalues import WrongValue, request_of, values_of
    from vaultui.vaults.timeline import Moment
    from vaultui.vaults.unlocking import StepReport
    from vaultui.vaults.watch import Watch
    from vaultui.wire.autolock import Guard, GuardState
    from vaultui.wire.conflictcopy import ConflictCopy
    from vaultui.wire.control import Conflicts, Event, EventKind, Events, OpenFile, Status
    from vaultui.wire.handshake import StepName
    from vaultui.wire.oneshot import (
        TOKEN_KIND,
        Calibrated,
        Checked,
        CheckMessage,
        CheckProgress,
        Damage,
        SlotInfo,
        SlotOpened,
        VolumeInfo,
    )
    from vaultui.wire.runrecords import ExitState
    from vaultui.wire.tasks import Driver, Limits, TaskState

__all__ = [
    "CONTENT_CHOICES",
    "NAMES_CHOICES",
    "TOKEN_KIND",
    "AutoLock",
    "Batch",
    "Calibrated",
    "CheckMessage",
    "CheckProgress",
    "Checked",
    "Compatibility",
    "ConflictCopy",
    "Conflicts",
    "Created",
    "Damage",
    "Deleted",
    "DeletionScope",
    "Derivation",
    "DrillStep",
    "Drilled",
    "Driver",
    "Event",
    "EventKind",
    "Events",
    "ExitState",
    "Extent",
    "Finding",
    "Flavour",
    "Guard",
    "GuardState",
    "Holder",
    "Importable",
    "Key",
    "KeyAdded",
    "KeyringState",
    "Keys",
    "KeysChanged",
    "Limits",
    "LockMode",
    "LockOutcome",
    "Moment",
    "NewKey",
    "OpenFile",
    "PasswordSource",
    "PathAnswer",
    "Paths",
    "ProgramSettings",
    "RecoveryKey",
    "Result",
    "RunningTask",
    "SavedPassword",
    "Scanned",
    "Setting",
    "SettingKind",
    "SettingRow",
    "Settings",
    "SlotInfo",
    "SlotKind",
    "SlotOpened",
    "Status",
    "StepName",
    "StepReport",
    "Streams",
    "TaskRequest",
    "TaskState",
    "TaskStatus",
    "UnlockOptions",
    "Unlocked",
    "VaultEntry",
    "VaultStatus",
    "Vaults",
    "VolumeInfo",
    "Watch",
    "WrongValue",
    "change_in_words",
    "check_name",
    "compatibility_in_words",
    "content_in_words",
    "default_paths",
    "derivation_in_words",
    "exit_code_of",
    "find_slot",
    "format_duration",
    "gocryptfs_opens",
    "key_in_words",
    "kind_in_words",
    "made_on",
    "names_in_words",
    "new_file",
    "new_key_file",
    "parse_clock",
    "parse_duration",
    "request_of",
    "slots_of",
    "task_in_words",
    "values_of",
    "write_sheet",
]

_HOMES = {
    "vaultui.format.keyslots": ("SlotKind",),
    "vaultui.linux.holders": ("Holder",),
    "vaultui.vaults.batch": ("Batch", "Result"),
    "vaultui.tasks.request": ("TaskRequest",),
    "vaultui.tasks.streams": ("Streams",),
    "vaultui.vaults.clocktime": ("parse_clock",),
    "vaultui.vaults.deletion": ("DeletionScope",),
    "vaultui.vaults.discovery": ("Scanned",),
    "vaultui.vaults.drill": (
        "Drilled",
        "DrillStep",
    ),
    "vaultui.vaults.importing": ("Importable",),
    "vaultui.vaults.keywords": (
        "change_in_words",
        "compatibility_in_words",
        "key_in_words",
        "kind_in_words",
        "made_on",
    ),
    "vaultui.vaults.newfile": (
        "new_file",
        "new_key_file",
    ),
    "vaultui.vaults.recoverysheet": ("write_sheet",),
    "vaultui.vaults.duration": ("format_duration", "parse_duration"),
    "vaultui.vaults.entry": ("AutoLock", "VaultEntry", "check_name"),
    "vaultui.vaults.extent": ("Extent",),
    "vaultui.vaults.flavour": (
        "CONTENT_CHOICES",
        "NAMES_CHOICES",
        "Flavour",
        "content_in_words",
        "derivation_in_words",
        "names_in_words",
    ),
    "vaultui.vaults.key": ("Derivation", "Key", "NewKey"),
    "vaultui.vaults.keys": (
        "Compatibility",
        "KeyAdded",
        "Keys",
        "KeysChanged",
        "RecoveryKey",
        "find_slot",
        "gocryptfs_opens",
        "slots_of",
    ),
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
    "vaultui.vaults.removal": ("Deleted",),
    "vaultui.vaults.savedpassword": ("SavedPassword",),
    "vaultui.vaults.service": ("Vaults",),
    "vaultui.vaults.setting": ("Setting", "SettingKind"),
    "vaultui.vaults.settings": ("SettingRow", "Settings"),
    "vaultui.vaults.settingsfile": ("ProgramSettings",),
    "vaultui.vaults.status": ("VaultStatus",),
    "vaultui.vaults.runningtask": ("RunningTask",),
    "vaultui.vaults.taskstatus": ("TaskStatus", "exit_code_of", "task_in_words"),
    "vaultui.vaults.taskvalues": ("WrongValue", "request_of", "values_of"),
    "vaultui.vaults.timeline": ("Moment",),
    "vaultui.vaults.unlocking": ("StepReport",),
    "vaultui.vaults.watch": ("Watch",),
    "vaultui.wire.autolock": ("Guard", "GuardState"),
    "vaultui.wire.conflictcopy": ("ConflictCopy",),
    "vaultui.wire.control": (
        "Conflicts",
        "Event",
        "EventKind",
        "Events",
        "OpenFile",
        "Status",
    ),
    "vaultui.wire.handshake": ("StepName",),
    "vaultui.wire.runrecords": ("ExitState",),
    "vaultui.wire.oneshot": (
        "TOKEN_KIND",
        "Calibrated",
        "Checked",
        "CheckMessage",
        "CheckProgress",
        "Damage",
        "SlotInfo",
        "SlotOpened",
        "VolumeInfo",
    ),
    "vaultui.wire.tasks": ("Driver", "Limits", "TaskState"),
}


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
