"""The settings there are: of the program, and of a vault. What each may be, and what it is for.

This table is what the settings file is read by, what `vaultui settings` prints, and what the
application makes its forms of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from vaultui.model.language import N_, Phrase
from vaultui.vaults.duration import format_duration, parse_duration
from vaultui.vaults.entry import MountOptions
from vaultui.vaults.placetext import path_from_text
from vaultui.wire.autolock import LockOn, WhenBusy

Value = str | bool | list[str]
"""What stands in the file, between what a person types and what the program goes by."""


class SettingKind(Enum):
    SWITCH = "switch"
    TEXT = "text"
    CHOICE = "choice"
    TIME = "time"
    PATH = "path"
    CHOICES = "choices"
    """Several of the choices, or none of them."""
    TEXTS = "texts"
    COMMANDS = "commands"
    """Lines for sh, with ;; between those that are typed in one line."""
    KEYS = "keys"
    """Keys of the keyboard, with commas between them."""


@dataclass(frozen=True)
class Setting:
    """One setting. `default` is what it is as long as the file does not have it."""

    key: str
    kind: SettingKind
    sentence: str
    default: Value = ""
    choices: tuple[str, ...] = ()
    when_locked: bool = False
    """Of a vault: it cannot be changed while that is open."""
    inherited: bool = False
    """Of a vault: left out, it is what the program's setting of that name is."""
    required: bool = False

    @property
    def separator(self) -> str:
        """What is between the values of a list where a person types them."""
        return " ;; " if self.kind is SettingKind.COMMANDS else ", "

    @property
    def at_unlock(self) -> bool:
        """Whether a change counts from the next unlock on: an open vault goes on as it is."""
        return self.key in _AT_UNLOCK

    def meaning(self, value: object) -> str | bool | float | tuple[str, ...]:
        """Return what a value of the file means; raises ValueError with the reason in words.

        A time becomes seconds, a path an absolute one, a list a tuple.
        """
        if self.kind is SettingKind.SWITCH:
            if not isinstance(value, bool):
                raise ValueError(Phrase("{key} is true or false, without quotes", key=self.key))
            return value
        if self.kind in _LISTS:
            return self._list(value)
        if not isinstance(value, str) or not value:
            raise ValueError(Phrase("{key} is a text in quotes", key=self.key))
        if self.kind is SettingKind.TIME:
            return parse_duration(value)
        if self.kind is SettingKind.PATH:
            path = path_from_text(value)
            if path is None:
                raise ValueError(Phrase("{key} is a path that begins with / or ~/", key=self.key))
            return path
        if self.kind is SettingKind.CHOICE and value not in self.choices:
            raise ValueError(
                Phrase("{key} is one of {choices}", key=self.key, choices=", ".join(self.choices))
            )
        return value

    def typed(self, text: str) -> Value:
        """Return the value that somebody means who types `text`; `meaning` says if it is right."""
        text = text.strip()
        if self.kind is SettingKind.SWITCH:
            word = text.casefold()
            if word not in _SWITCH_WORDS:
                raise ValueError(Phrase("{key} is true or false", key=self.key))
            return _SWITCH_WORDS[word]
        if self.kind in _LISTS:
            words = [word.strip() for word in text.split(self.separator.strip())]
            return [word for word in words if word and word != "none"]
        if self.kind is SettingKind.TIME:
            return format_duration(parse_duration(text))
        return text

    def _list(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(w and isinstance(w, str) for w in value):
            if self.kind is SettingKind.TEXTS:
                raise ValueError(
                    Phrase("{key} is a list of patterns, each in quotes", key=self.key)
                )
            if self.kind is SettingKind.COMMANDS:
                raise ValueError(
                    Phrase("{key} is a list of commands, each in quotes", key=self.key)
                )
            raise ValueError(Phrase("{key} is a list of words, each in quotes", key=self.key))
        strange = [word for word in value if self.choices and word not in self.choices]
        if strange:
            raise ValueError(
                Phrase(
                    "{key} has no {word}; it takes {choices}, or nothing",
                    key=self.key,
                    word=strange[0],
                    choices=", ".join(self.choices),
                )
            )
        return tuple(value)


_LISTS: Final = (SettingKind.CHOICES, SettingKind.TEXTS, SettingKind.COMMANDS)
_SWITCH_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}

_AT_UNLOCK: Final = frozenset(
    (
        *("idle_timeout", "open_for", "lock_on", "when_busy", "notify", "read_only", "exclude"),
        *("after_unlock", "before_lock"),
    )
) | {key for key, value in vars(MountOptions()).items() if isinstance(value, bool)}

THEMES: Final = ("dark", "light", "high-contrast", "ansi")
KEYMAP: Final = "keys"
"""The table of the settings that give an action other keys."""


def _table(*settings: Setting) -> Mapping[str, Setting]:
    return {setting.key: setting for setting in settings}


_OCCASIONS: Final = tuple(occasion.value for occasion in LockOn)
_POLICIES: Final = tuple(policy.value for policy in WhenBusy)
_OPEN_FOR: Final = N_("lock so long after it was opened, whoever uses it then")
_LOCK_ON: Final = N_("lock on these occasions, too")
_WHEN_BUSY: Final = N_("what becomes of a vault that is in use then")
_NOTIFY: Final = N_("warn and tell as a desktop notification, too")

PROGRAM: Final = _table(
    Setting("theme", SettingKind.CHOICE, N_("colours of the application"), "dark", THEMES),
    Setting("ascii", SettingKind.SWITCH, N_("show states and lines without Unicode"), False),
    Setting(
        "language", SettingKind.TEXT, N_("language, such as de; left out, that of the environment")
    ),
    Setting("refresh", SettingKind.TIME, N_("how often open vaults are looked at"), "1s"),
    Setting(
        "idle_timeout",
        SettingKind.TIME,
        N_("lock after so long without use, where a vault has no time of its own"),
        "never",
    ),
    Setting("open_for", SettingKind.TIME, _OPEN_FOR, "never"),
    Setting("lock_on", SettingKind.CHOICES, _LOCK_ON, list(_OCCASIONS), _OCCASIONS),
    Setting("when_busy", SettingKind.CHOICE, _WHEN_BUSY, WhenBusy.RETRY.value, _POLICIES),
    Setting("notify", SettingKind.SWITCH, _NOTIFY, True),
    Setting(
        "vaults_dir",
        SettingKind.PATH,
        N_("where vaults open that have no mount point of their own"),
        "~/Vaults",
    ),
    Setting(
        "terminal", SettingKind.TEXT, N_("terminal that launchers start; left out, one is found")
    ),
    Setting(
        "privileged_containers",
        SettingKind.SWITCH,
        N_("tasks may be containers that can do anything on this machine"),
        False,
    ),
)

_OPTION_WORDS: Final = {
    "allow_other": N_("let other users in, as far as the modes of the files do"),
    "shared_storage": N_("other machines write into the cipher directory at the same time"),
    "acl": N_("keep and obey access control lists"),
    "exec": N_("programs in the vault can be run"),
    "dev": N_("device files have their effect; root alone may do so"),
    "suid": N_("set-user-ID bits have their effect; root alone may do so"),
    "kernel_cache": N_("keep what was read in memory from one opening of a file to the next"),
    "one_file_system": N_("an encrypted view shows other file systems as empty"),
}

VAULT: Final = _table(
    Setting("name", SettingKind.TEXT, N_("what it is called"), when_locked=True, required=True),
    Setting(
        "cipherdir",
        SettingKind.PATH,
        N_("where its encrypted files are"),
        when_locked=True,
        required=True,
    ),
    Setting(
        "mountpoint",
        SettingKind.PATH,
        N_("where it opens; left out, below vaults_dir"),
        when_locked=True,
    ),
    Setting("idle_timeout", SettingKind.TIME, N_("lock after so long without use"), inherited=True),
    Setting("open_for", SettingKind.TIME, _OPEN_FOR, inherited=True),
    Setting("read_only", SettingKind.SWITCH, N_("open it without the right to write"), False),
    Setting("favourite", SettingKind.SWITCH, N_("show it before the others"), False),
    Setting("lock_on", SettingKind.CHOICES, _LOCK_ON, choices=_OCCASIONS, inherited=True),
    Setting("when_busy", SettingKind.CHOICE, _WHEN_BUSY, choices=_POLICIES, inherited=True),
    Setting("notify", SettingKind.SWITCH, _NOTIFY, inherited=True),
    Setting(
        "after_unlock", SettingKind.COMMANDS, N_("commands for sh to run when it was opened"), []
    ),
    Setting(
        "before_lock",
        SettingKind.COMMANDS,
        N_("commands for sh to run before it is locked; one that fails keeps it open"),
        [],
    ),
    Setting(
        "config", SettingKind.PATH, N_("volume config outside its directory"), when_locked=True
    ),
    Setting(
        "key_file",
        SettingKind.PATH,
        N_("file that opens it, alone or together with the password"),
    ),
    Setting("reverse", SettingKind.SWITCH, N_("show a plain directory encrypted"), False, (), True),
    Setting("exclude", SettingKind.TEXTS, N_("what an encrypted view leaves out"), []),
    *(
        Setting(key, SettingKind.SWITCH, _OPTION_WORDS[key], value)
        for key, value in vars(MountOptions()).items()
        if isinstance(value, bool)
    ),
)

OF_VIEWS: Final = ("exclude", "one_file_system")
"""Settings that only a vault with reverse = true can have."""
OPTIONS: Final = tuple(_OPTION_WORDS)
"""Settings of a vault that are true or false and go to the mount as they are."""
