"""The text of the settings file, read strictly: a typo is told with its line and column.

Reading goes through the standard library. What changes the text is settingstext.py.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vaultui.model.errors import SettingsInvalid, VaultuiError
from vaultui.model.ids import VaultId
from vaultui.model.language import Phrase
from vaultui.vaults.entry import AutoLock, MountOptions, VaultEntry, VaultHooks, check_name
from vaultui.vaults.placetext import id_of_place
from vaultui.vaults.setting import KEYMAP, OF_VIEWS, OPTIONS, PROGRAM, VAULT, Setting
from vaultui.wire.autolock import LockOn, WhenBusy

if TYPE_CHECKING:
    from vaultui.tasks.request import TaskRequest

TASKS = "tasks"
"""The table of a vault with what is run against it, each by its name."""

_ID = re.compile(r"[0-9a-f]{16}")
_TOML_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class ProgramSettings:
    """What the settings of the whole program mean."""

    theme: str = "dark"
    ascii: bool = False
    language: str = ""
    """Empty: that of the environment."""
    refresh_s: float = 1.0
    idle_timeout_s: float = 0.0
    """Of vaults without an idle time of their own; 0 for never."""
    open_for_s: float = 0.0
    """Of vaults without such a time of their own; 0 for never."""
    autolock: AutoLock = field(default_factory=AutoLock)
    vaults_dir: str = "~/Vaults"
    terminal: str = ""
    """Empty: the first that is found."""
    privileged_containers: bool = False
    """Whether a task may be one."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Other keys of actions, by the id of the action; several with commas between them."""


@dataclass(frozen=True)
class SettingsFile:
    """What the settings file says: what it means, and what stands in it."""

    program: ProgramSettings
    entries: tuple[VaultEntry, ...] = ()
    given: Mapping[VaultId | None, Mapping[str, Any]] = field(default_factory=dict)
    """The values as they were written, of the program (None) and of each vault."""
    tasks: Mapping[VaultId, Mapping[str, TaskRequest]] = field(default_factory=dict)
    """What is saved to be run against each vault, by its name."""


def parse_settings(data: bytes, path: Path, vaults_dir: Path) -> SettingsFile:
    """Return what the settings text says; raises SettingsInvalid with line and column.

    `vaults_dir` is where vaults open by default, as long as the text names no other place.
    """
    return _Reader(data, path).read(vaults_dir)


class _Reader:
    def __init__(self, data: bytes, path: Path) -> None:
        self._path = path
        try:
            self._text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - data.rfind(b"\n", 0, error.start)
            raise self._invalid(line, column, Phrase("a byte there is not UTF-8")) from error

    def read(self, vaults_dir: Path) -> SettingsFile:
        try:
            document = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise self._syntax(error) from error
        except (ValueError, RecursionError) as error:
            # What Python does not take though it is TOML: digits by the thousand, and brackets.
            raise self._invalid(1, 1, Phrase("a number is too long, or a list too deep")) from error
        tables = document.pop("vault", [])
        if not isinstance(tables, list) or not all(isinstance(t, dict) for t in tables):
            reason = Phrase("a vault begins with [[vault]], in double brackets")
            raise self._at(None, "vault", reason)
        keymap = self._keymap(document.pop(KEYMAP, {}))
        program = self._program(document, keymap, vaults_dir)
        entries: list[VaultEntry] = []
        tasks = {}
        for index, table in enumerate(tables):
            saved = self._tasks(index, table.pop(TASKS, {}))
            entry = self._entry(index, table, program)
            for other in entries:
                if other.name == entry.name:
                    reason = Phrase("there are two vaults called {name}", name=entry.name)
                    raise self._at(index, "name", reason)
                if other.id == entry.id:
                    reason = Phrase("{name} has the same id", name=other.name)
                    raise self._at(index, "id", reason)
            entries.append(entry)
            tasks[entry.id] = saved
        given: dict[VaultId | None, Mapping[str, Any]] = {
            entry.id: table for entry, table in zip(entries, tables, strict=True)
        }
        given[None] = {**document, **{f"{KEYMAP}.{key}": keys for key, keys in keymap.items()}}
        return SettingsFile(program, tuple(entries), given, tasks)

    def _program(
        self, document: dict[str, Any], keymap: dict[str, str], vaults_dir: Path
    ) -> ProgramSettings:
        for key in document:
            if key not in PROGRAM:
                raise self._at(None, key, Phrase("there is no setting called {key}", key=key))

        def value(key: str, default: object) -> Any:
            return self._meaning(None, PROGRAM[key], document, default)

        return ProgramSettings(
            theme=value("theme", ProgramSettings.theme),
            ascii=value("ascii", ProgramSettings.ascii),
            language=value("language", ProgramSettings.language),
            refresh_s=value("refresh", ProgramSettings.refresh_s),
            idle_timeout_s=value("idle_timeout", ProgramSettings.idle_timeout_s),
            open_for_s=value("open_for", ProgramSettings.open_for_s),
            autolock=self._autolock(None, document, AutoLock()),
            vaults_dir=value("vaults_dir", str(vaults_dir)),
            terminal=value("terminal", ProgramSettings.terminal),
            privileged_containers=value(
                "privileged_containers", ProgramSettings.privileged_containers
            ),
            keys=keymap,
        )

    def _keymap(self, table: object) -> dict[str, str]:
        """Return the keymap flat: `vault.lock = "l"` without quotes is a table to TOML."""
        if not isinstance(table, dict):
            raise self._at(None, KEYMAP, Phrase("keys is a table: write [keys]"))
        flat: dict[str, str] = {}
        for key, keys in table.items():
            if isinstance(keys, dict):
                flat |= {f"{key}.{below}": text for below, text in self._keymap(keys).items()}
            elif isinstance(keys, str):
                flat[key] = keys
            else:
                reason = Phrase("{key} is a text in quotes, of keys with commas between", key=key)
                raise self._at(None, key, reason)
        return flat

    def _entry(self, index: int, table: dict[str, Any], program: ProgramSettings) -> VaultEntry:
        for key in table:
            if key not in VAULT and key != "id":
                raise self._at(index, key, Phrase("a vault has no setting called {key}", key=key))
        for setting in VAULT.values():
            if setting.required and setting.key not in table:
                reason = Phrase("this vault has no {key}", key=setting.key)
                raise self._at(index, setting.key, reason)

        def value(key: str, default: object = "") -> Any:
            return self._meaning(index, VAULT[key], table, default)

        name, cipherdir = value("name"), value("cipherdir")
        try:
            check_name(name)
        except VaultuiError as error:
            raise self._at(index, "name", error.phrase.rstrip(".")) from error
        return VaultEntry(
            self._id(index, table, cipherdir),
            name,
            cipherdir,
            value("mountpoint", str(Path(program.vaults_dir, name))),
            value("idle_timeout", program.idle_timeout_s),
            value("read_only", False),
            value("config"),
            value("reverse", False),
            self._options(index, table),
            value("key_file"),
            self._autolock(index, table, program.autolock),
            value("favourite", False),
            value("open_for", program.open_for_s),
            VaultHooks(value("after_unlock", ()), value("before_lock", ())),
        )

    def _tasks(self, index: int, tables: object) -> dict[str, TaskRequest]:
        if not tables:
            return {}
        # Not at every start: most look at states alone.
        from vaultui.vaults.taskvalues import WrongValue, check_task_name, request_of

        if not isinstance(tables, dict):
            reason = Phrase("a task is a table: write [vault.tasks.NAME] below its vault")
            raise self._at(index, TASKS, reason)
        requests = {}
        for name, table in tables.items():
            if not isinstance(table, dict):
                reason = Phrase("a task is a table: write [vault.tasks.NAME] below its vault")
                raise self._at(index, name, reason)
            try:
                check_task_name(name)
                requests[name] = request_of(table, name)
            except WrongValue as error:
                place = _place_of_task(self._text, index, name, error.key)
                raise self._invalid(*place, error.args[0]) from error
            except VaultuiError as error:
                raise self._at(index, name, error.phrase.rstrip(".")) from error
        return requests

    def _id(self, index: int, table: dict[str, Any], cipherdir: str) -> VaultId:
        given = table.get("id")
        if given is None:
            return id_of_place(cipherdir)
        if not isinstance(given, str) or not _ID.fullmatch(given):
            reason = Phrase("an id has 16 digits of 0 to 9 and a to f, in quotes")
            raise self._at(index, "id", reason)
        return VaultId(given)

    def _options(self, index: int, table: dict[str, Any]) -> MountOptions:
        for key in OF_VIEWS:
            if key in table and table.get("reverse") is not True:
                reason = Phrase("{key} is for a vault with reverse = true", key=key)
                raise self._at(index, key, reason)
        return MountOptions(
            **{key: self._meaning(index, VAULT[key], table, VAULT[key].default) for key in OPTIONS},
            exclude_patterns=self._meaning(index, VAULT["exclude"], table, ()),
        )

    def _autolock(self, index: int | None, table: dict[str, Any], default: AutoLock) -> AutoLock:
        settings = PROGRAM if index is None else VAULT
        return AutoLock(
            tuple(map(LockOn, self._meaning(index, settings["lock_on"], table, default.lock_on))),
            WhenBusy(self._meaning(index, settings["when_busy"], table, default.when_busy)),
            self._meaning(index, settings["notify"], table, default.notify),
        )

    def _meaning(
        self, index: int | None, setting: Setting, table: dict[str, Any], default: object
    ) -> Any:
        if setting.key not in table:
            return default
        try:
            return setting.meaning(table[setting.key])
        except ValueError as error:
            raise self._at(index, setting.key, error.args[0]) from error

    def _syntax(self, error: tomllib.TOMLDecodeError) -> SettingsInvalid:
        # Python 3.14 has the place as attributes; the text of the message has had it always.
        message = str(error)
        match = _TOML_PLACE.search(message)
        lines = self._text.splitlines() or [""]
        line, column = len(lines), len(lines[-1]) + 1
        if match:
            message = message[: match.start()]
            if match[1]:
                line, column = int(match[1]), int(match[2])
        return self._invalid(line, column, message[:1].lower() + message[1:])

    def _at(self, index: int | None, key: str, reason: str) -> SettingsInvalid:
        return self._invalid(*_place_of(self._text, index, key), reason)

    def _invalid(self, line: int, column: int, reason: str) -> SettingsInvalid:
        return SettingsInvalid(path=str(self._path), line=line, column=column, reason=reason)


def _place_of(text: str, index: int | None, key: str) -> tuple[int, int]:
    """Return line and column, from 1, of a key of the vault `index`, or of the top level.

    tomllib gives values without places. Falls back to the vault's header, then to the
    first line, for the spellings (inline tables) that this search does not follow.
    """
    wanted = re.compile(rf"""\s*(?:\[+\s*)?(?:[\w"'-]+\.)*(["']?){re.escape(key)}\1\s*[\].=]""")
    header = re.compile(r"\s*\[\[\s*vault\s*\]\]")
    vault, fallback = -1, (1, 1)
    for number, line in enumerate(text.splitlines(), start=1):
        if header.match(line):
            vault += 1
            if vault == index:
                fallback = (number, len(line) - len(line.lstrip()) + 1)
        if (index is None or vault == index) and wanted.match(line):
            return number, len(line) - len(line.lstrip()) + 1
    return fallback


def _place_of_task(text: str, index: int, task: str, key: str) -> tuple[int, int]:
    """Return the same for a key of a task of the vault `index`; falls back to its header."""
    lines = text.splitlines()
    header, column = _place_of(text, index, task)
    wanted = re.compile(rf"""\s*(["']?){re.escape(key)}\1\s*[.=]""")
    for number, line in enumerate(lines[header:], start=header + 1):
        if line.lstrip().startswith("["):
            break
        if wanted.match(line):
            return number, len(line) - len(line.lstrip()) + 1
    return header, column
